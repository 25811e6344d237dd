//! Sets of codes: an enum whose numbers are fixed by a format, with the names that people see. One definition for this
//! crate's kinds and for `wire`'s.

use std::fmt;

/// A code that this version does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownCode {
    /// A code of what: `event kind`.
    pub what: &'static str,
    /// The number.
    pub code: u8,
}

impl fmt::Display for UnknownCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} is not known", self.what, self.code)
    }
}
impl std::error::Error for UnknownCode {}

/// Defines an enum of one-byte codes: `Name("what it is") { Variant = code "name", }`, with documentation on each.
///
/// It gets `ALL` (by code), `code()` (the number on the wire), `name()` (the text in metrics, APIs and documents, also its
/// `Display`), and `TryFrom<u8>`, which fails with [`UnknownCode`].
///
/// ```
/// event::codes! {
///     /// A light.
///     Light("light") {
///         /// Stop.
///         Red = 1 "red",
///         /// Go.
///         Green = 3 "green",
///     }
/// }
/// assert_eq!(Light::try_from(3), Ok(Light::Green));
/// assert_eq!(Light::try_from(2).unwrap_err().to_string(), "light 2 is not known");
/// assert_eq!((Light::Red.code(), Light::Red.to_string().as_str()), (1, "red"));
/// assert_eq!(Light::ALL, [Light::Red, Light::Green]);
/// ```
#[macro_export]
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident($what:literal) { $($(#[$vdoc:meta])* $variant:ident = $code:literal $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant = $code,)* }

        impl $name {
            /// All of them, by code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// The name used in metrics, APIs and documents.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
            /// The number on the wire.
            pub fn code(self) -> u8 {
                self as u8
            }
        }
        impl TryFrom<u8> for $name {
            type Error = $crate::UnknownCode;
            fn try_from(code: u8) -> Result<Self, $crate::UnknownCode> {
                match code {
                    $($code => Ok(Self::$variant),)*
                    code => Err($crate::UnknownCode { what: $what, code }),
                }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
