//! Three releases of the shop: each has literals of its own, on every node; the third's beams are stripped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use testbed::Shop;

const RELEASE: &str = "lib/shop/stock/release.ex";
const COURIER: &str = "lib/shop/stock/courier.ex";
/// Functions of `web` and `pay` that ask for their node's literal, and the line before which they do.
const ASK: [(&str, &str); 2] = [
    (
        "lib/shop/web/pricing.ex",
        "    discount = div(subtotal, divisor)\n",
    ),
    ("lib/shop/pay/quotes.ex", "    cond do\n"),
];

/// Built copies of the project.
pub(crate) struct Releases([PathBuf; 3]);

impl Releases {
    pub(crate) fn build(shop: &Shop) -> Result<Self> {
        let one = shop.copy_built(shop.project(), "one")?;
        for (file, before) in ASK {
            let file = one.join(file);
            let source = fs::read_to_string(&file)?;
            ensure!(source.contains(before), "{} has changed", file.display());
            let asks = format!("    _ = Shop.Stock.Release.literal()\n{before}");
            fs::write(&file, source.replacen(before, &asks, 1))?;
        }
        shop.compile(&one)?;
        let two = edited(shop, &one, "two", "-release-2", "")?;
        let three = edited(
            shop,
            &one,
            "three",
            "-release-3",
            "  # A line that\n  # moves others.\n",
        )?;
        strip(&three)?;
        Ok(Self([one, two, three]))
    }

    pub(crate) fn all(&self) -> [&Path; 3] {
        self.0.each_ref().map(PathBuf::as_path)
    }
}

fn edited(shop: &Shop, of: &Path, name: &str, ending: &str, lines: &str) -> Result<PathBuf> {
    let project = shop.copy_built(of, name)?;
    for file in [RELEASE, COURIER] {
        let file = project.join(file);
        let source = fs::read_to_string(&file)?.replace("-release-1", ending);
        fs::write(&file, source.replacen("  @doc", &format!("{lines}  @doc"), 1))?;
    }
    shop.compile(&project)?;
    Ok(project)
}

/// As releases are: no debug information, no documentation, nothing but what the VM needs.
fn strip(project: &Path) -> Result<()> {
    let beams = project.join("_build/prod/lib/shop/ebin/*.beam");
    let script = format!(
        "files = Path.wildcard({:?}); {{:ok, _}} = :beam_lib.strip_files(Enum.map(files, &String.to_charlist/1))",
        beams.display()
    );
    let output = Command::new("elixir").args(["-e", &script]).output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let size = fs::metadata(beam(project, "Release"))?.len();
    let before = fs::metadata(beam(&project.with_file_name("two"), "Release"))?.len();
    ensure!(size < before, "stripped: {size} bytes of {before}");
    Ok(())
}

/// The compiled `Shop.Stock.MODULE` of a copy.
pub(crate) fn beam(project: &Path, module: &str) -> PathBuf {
    project.join(format!(
        "_build/prod/lib/shop/ebin/Elixir.Shop.Stock.{module}.beam"
    ))
}
