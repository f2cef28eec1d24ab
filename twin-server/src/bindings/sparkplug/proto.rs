//! The part of Sparkplug B's protobuf schema that is read, and the one command written.
//! Field numbers are those of `sparkplug_b.proto` of Eclipse Tahu; unknown fields are
//! skipped, as protobuf has it.

use prost::{Message, Oneof};

/// A payload: births, data, deaths and commands alike.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Payload {
    /// Milliseconds since 1970.
    #[prost(uint64, optional, tag = "1")]
    pub(super) timestamp: Option<u64>,
    #[prost(message, repeated, tag = "2")]
    pub(super) metrics: Vec<Metric>,
    /// 0 to 255, and again.
    #[prost(uint64, optional, tag = "3")]
    pub(super) seq: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Metric {
    #[prost(string, optional, tag = "1")]
    pub(super) name: Option<String>,
    #[prost(uint64, optional, tag = "2")]
    pub(super) alias: Option<u64>,
    #[prost(uint64, optional, tag = "3")]
    pub(super) timestamp: Option<u64>,
    #[prost(uint32, optional, tag = "4")]
    pub(super) datatype: Option<u32>,
    #[prost(bool, optional, tag = "7")]
    pub(super) is_null: Option<bool>,
    #[prost(message, optional, tag = "9")]
    pub(super) properties: Option<PropertySet>,
    #[prost(oneof = "Value", tags = "10, 11, 12, 13, 14, 15, 16")]
    pub(super) value: Option<Value>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Value {
    #[prost(uint32, tag = "10")]
    Int(u32),
    #[prost(uint64, tag = "11")]
    Long(u64),
    #[prost(float, tag = "12")]
    Float(f32),
    #[prost(double, tag = "13")]
    Double(f64),
    #[prost(bool, tag = "14")]
    Boolean(bool),
    #[prost(string, tag = "15")]
    String(String),
    #[prost(bytes = "vec", tag = "16")]
    Bytes(Vec<u8>),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PropertySet {
    #[prost(string, repeated, tag = "1")]
    pub(super) keys: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    pub(super) values: Vec<PropertyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PropertyValue {
    #[prost(uint32, optional, tag = "3")]
    pub(super) int_value: Option<u32>,
}

impl Metric {
    /// The `Quality` property: 192 good, 500 stale, 0 bad.
    pub(super) fn quality(&self) -> Option<u32> {
        let properties = self.properties.as_ref()?;
        let at = properties.keys.iter().position(|key| key == "Quality")?;
        properties.values.get(at)?.int_value
    }
}

/// Asks a node for its births once more.
pub(super) fn rebirth(now_ms: u64) -> Vec<u8> {
    let metric = Metric {
        name: Some("Node Control/Rebirth".to_owned()),
        timestamp: Some(now_ms),
        datatype: Some(super::metric::BOOLEAN),
        value: Some(Value::Boolean(true)),
        ..Metric::default()
    };
    Payload { timestamp: Some(now_ms), metrics: vec![metric], seq: None }.encode_to_vec()
}
