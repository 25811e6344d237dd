//! hlc.
