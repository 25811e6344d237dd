//! Where a file comes from, by its path: what a person writes stands before tests, dependencies and generated code.

/// Where a file comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Origin {
    /// The project's own code.
    #[default]
    Own = 0,
    /// Below a folder `test`, or `*_test.exs`.
    Test = 1,
    /// Below a folder `deps`.
    Dependency = 2,
    /// Below a folder `generated`, or `*.pb.ex`, `*.gen.ex`.
    Generated = 3,
    /// Below a folder `examples`, `bench` or `priv`, or any other `.exs`.
    Script = 4,
}

impl Origin {
    /// By a path with `/`, relative to the project.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
        let below = |name: &str| folders.split('/').any(|folder| folder == name);
        let ends = |ending: &str| file.ends_with(ending);
        if below("deps") || below("node_modules") {
            Self::Dependency
        } else if below("test") || below("tests") || ends("_test.exs") || ends("_test.ex") {
            Self::Test
        } else if below("generated") || ends(".pb.ex") || ends(".gen.ex") {
            Self::Generated
        } else if below("examples") || below("bench") || below("priv") || ends(".exs") {
            Self::Script
        } else {
            Self::Own
        }
    }

    pub(crate) fn of_number(number: u64) -> Self {
        match number {
            1 => Self::Test,
            2 => Self::Dependency,
            3 => Self::Generated,
            4 => Self::Script,
            _ => Self::Own,
        }
    }

    /// What its rank is multiplied with.
    pub(crate) fn weight(self) -> f32 {
        match self {
            Self::Own => 1.0,
            Self::Script => 0.8,
            Self::Dependency => 0.7,
            Self::Test | Self::Generated => 0.6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Origin;

    /// Scenario: paths of each origin, and names that only look alike. Guarantee: folders and endings decide, not parts
    /// of names.
    #[test]
    fn folders_and_endings_decide() {
        for (path, origin) in [
            ("lib/shop/stock.ex", Origin::Own),
            ("lib/testing/latest.ex", Origin::Own),
            ("apps/web/test/page_test.exs", Origin::Test),
            ("test/support/fixtures.ex", Origin::Test),
            ("deps/plug/lib/plug.ex", Origin::Dependency),
            ("deps/plug/test/plug_test.exs", Origin::Dependency),
            ("lib/shop/api.pb.ex", Origin::Generated),
            ("priv/repo/migrations/1_orders.exs", Origin::Script),
            ("mix.exs", Origin::Script),
        ] {
            assert_eq!(Origin::of(path), origin, "{path}");
        }
        for origin in [
            Origin::Own,
            Origin::Test,
            Origin::Dependency,
            Origin::Generated,
            Origin::Script,
        ] {
            assert_eq!(Origin::of_number(origin as u64), origin);
        }
    }
}
