//! Payloads of events.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = wire::etf::ErrorPayload::decode(data);
    let _ = wire::etf::ValuePayload::decode(data);
    let _ = wire::etf::RootPayload::decode(data);
    let _ = wire::etf::LossPayload::decode(data);
});
