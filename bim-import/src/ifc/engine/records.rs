//! STEP records by id, without a data model in memory: the engine's own
//! `extract_data_model` takes 18 times the file; an index and a decoder take a fraction.

use hashbrown::HashMap;

pub(crate) use ifc_lite_core::{
    AttributeValue as Value, DecodedEntity as Record, get_si_prefix_multiplier as si_prefix,
};
use ifc_lite_core::{EntityDecoder, EntityScanner, IfcType, SchemaVersion};

use super::{
    budget::Budget,
    index::{Builder, Index},
};

/// The records of one file.
pub(crate) struct Records<'a> {
    decoder: EntityDecoder<'a>,
    index: Index,
    count: usize,
    budget: Budget,
    schema: Option<SchemaVersion>,
    attributes: HashMap<String, &'static [&'static str]>,
}

/// One record as the scan meets it.
pub(crate) struct Seen<'a> {
    /// Instance name: the number behind `#`.
    pub(crate) id: u32,
    /// The keyword as the file spells it.
    pub(crate) keyword: &'a str,
    /// Whether an earlier record has the same name; the later one is what counts.
    pub(crate) is_repeated: bool,
}

impl<'a> Records<'a> {
    /// Indexes a file, showing each record to `visit` in file order.
    pub(crate) fn scan(bytes: &'a [u8], mut visit: impl FnMut(&Seen<'a>)) -> Self {
        let mut index = Builder::new(bytes.len());
        let mut scanner = EntityScanner::new(bytes);
        while let Some((id, keyword, start, end)) = scanner.next_entity() {
            let is_repeated = index.add(id, start, end);
            visit(&Seen { id, keyword, is_repeated });
        }
        let schema = SchemaVersion::from_file_schema(&schema_name(bytes));
        let (index, count) = index.finish();
        let decoder = EntityDecoder::new(bytes);
        Self {
            decoder,
            index,
            count,
            budget: Budget::new(bytes.len()),
            schema,
            attributes: HashMap::new(),
        }
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Bytes of records decoded so far, and of what was copied from them.
    pub(crate) fn spent(&self) -> u64 {
        self.budget.spent()
    }

    /// Counts work against the budget; whether it may be done.
    pub(crate) fn spend(&self, bytes: u64) -> bool {
        self.budget.spend(bytes)
    }

    /// Whether more was asked for than any honest file needs: lists that hold themselves
    /// in each other, a record of megabytes that everything refers to. All that is read
    /// from then on is missing.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.budget.is_spent()
    }

    /// Decodes one record; nothing where it is missing or does not parse.
    pub(crate) fn get(&self, id: u32) -> Option<Record> {
        let (start, end) = self.index.lookup(id)?;
        if !self.spend((end - start) as u64) {
            return None;
        }
        self.decoder.decode_at_uncached(start, end).ok()
    }

    /// Decodes what an attribute refers to.
    pub(crate) fn follow(&self, record: &Record, index: usize) -> Option<Record> {
        self.get(record.get_ref(index)?)
    }

    /// Position of a named attribute of a class in this file's schema.
    pub(crate) fn slot(&mut self, class: &IfcClass, name: &str) -> Option<usize> {
        let names = self.attribute_names(class);
        names.iter().position(|candidate| candidate.eq_ignore_ascii_case(name))
    }

    /// The attributes of a class in this file's schema, in their order.
    pub(crate) fn attribute_names(&mut self, class: &IfcClass) -> &'static [&'static str] {
        if let Some(names) = self.attributes.get(class.name()) {
            return names;
        }
        let names = self
            .schema
            .and_then(|schema| schema.attribute_names(class.name()))
            .unwrap_or_else(|| class.0.attribute_names());
        self.attributes.insert(class.name().to_owned(), names);
        names
    }
}

/// An IFC class by its keyword.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct IfcClass(IfcType);

impl IfcClass {
    /// The class a keyword names, in any case.
    pub(crate) fn from_keyword(keyword: &str) -> Self {
        Self(ifc_lite_core::ifc_type_from_keyword(keyword))
    }

    /// `IfcWallStandardCase`; for a class no schema knows, the keyword itself.
    pub(crate) fn name(&self) -> &str {
        self.0.name()
    }

    /// Whether it is, or specialises, the class of that name.
    pub(crate) fn is_a(&self, ancestor: &str) -> bool {
        self.0.is_subtype_of(IfcType::from_str(&ancestor.to_ascii_uppercase()))
    }
}

/// `IFC2X3`, `IFC4`, `IFC4X3_ADD2` as the header says; empty where it says nothing.
pub(crate) fn schema_name(bytes: &[u8]) -> String {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(16_384)]);
    let Some(at) = head.to_ascii_uppercase().find("FILE_SCHEMA") else { return String::new() };
    head[at..].split('\'').nth(1).unwrap_or_default().to_ascii_uppercase()
}
