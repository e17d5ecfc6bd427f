//! OCSF findings as a file of Apache Parquet, which is what a data lake is made of.

mod schema;
mod columns;

use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArrayType, Int32Type, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use serde_json::Value;

use self::columns::{Column, Values, columns};

/// Bytes of a page before it is compressed, as Security Lake asks for. It is looked at after so many values.
const PAGE_BYTES: usize = 1 << 20;
const LOOK_EVERY: usize = 16;

/// A file of findings as [`super::ocsf`] writes them, a row each, in one group.
pub fn lake_file(findings: &[Value]) -> std::result::Result<Vec<u8>, String> {
    write(findings).map_err(|error| format!("the Parquet file can't be written: {error}"))
}

fn write(findings: &[Value]) -> Result<Vec<u8>> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_write_batch_size(LOOK_EVERY)
        .set_created_by(concat!("cadge version ", env!("CARGO_PKG_VERSION")).to_owned());
    let mut file = SerializedFileWriter::new(Vec::new(), schema::schema()?, Arc::new(properties.build()))?;
    let mut rows = file.next_row_group()?;
    let mut columns = columns(findings).into_iter();
    while let (Some(writer), Some(column)) = (rows.next_column()?, columns.next()) {
        write_column(writer, &column)?;
    }
    rows.close()?;
    file.into_inner()
}

fn write_column(mut writer: SerializedColumnWriter<'_>, column: &Column) -> Result<()> {
    let (definitions, repetitions) = (Some(&*column.definitions), Some(&*column.repetitions));
    match &column.values {
        Values::Texts(texts) => {
            writer.typed::<ByteArrayType>().write_batch(texts, definitions, repetitions)?
        }
        Values::Ints(ints) => writer.typed::<Int32Type>().write_batch(ints, definitions, repetitions)?,
        Values::Longs(longs) => writer.typed::<Int64Type>().write_batch(longs, definitions, repetitions)?,
    };
    writer.close()
}
