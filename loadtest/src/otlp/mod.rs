//! OpenTelemetry's protocol: requests made cheaply, answers and stored traces read back.

pub(crate) mod decode;
pub(crate) mod functions;
pub(crate) mod proto;
pub(crate) mod template;
pub(crate) mod values;
