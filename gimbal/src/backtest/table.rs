//! Tables of numbers as CSV or Parquet.

use anyhow::{Context, Result};
use parquet::{
    basic::{Repetition, Type as Physical},
    data_type::{DoubleType, Int64Type},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::Type,
};
use std::{fmt::Write as _, path::Path, sync::Arc};

/// How tables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, with a header line.
    Csv,
    /// Apache Parquet, uncompressed, one row group.
    Parquet,
}

impl Format {
    /// The end of the file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// One number of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// A count, or a number in a unit of its own.
    Int(i64),
    /// Anything else.
    Float(f64),
}

impl Cell {
    /// For averages and plots.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub fn float(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

/// Named numbers, in order.
pub type Row = Vec<(String, Cell)>;

/// Writes rows that all have the same columns.
pub fn write(path: &Path, rows: &[Row], format: Format) -> Result<()> {
    let bytes = match format {
        Format::Csv => csv(rows).into_bytes(),
        Format::Parquet => parquet(rows)?,
    };
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

fn csv(rows: &[Row]) -> String {
    let mut text = String::new();
    if let Some(first) = rows.first() {
        let names: Vec<&str> = first.iter().map(|(name, _)| name.as_str()).collect();
        let _ = writeln!(text, "{}", names.join(","));
    }
    for row in rows {
        for (index, (_, cell)) in row.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _ = match cell {
                Cell::Int(value) => write!(text, "{comma}{value}"),
                Cell::Float(value) => write!(text, "{comma}{value}"),
            };
        }
        text.push('\n');
    }
    text
}

fn parquet(rows: &[Row]) -> Result<Vec<u8>> {
    let columns = rows.first().map_or(&[][..], Vec::as_slice);
    let fields = columns.iter().map(|(name, cell)| {
        let physical = match cell {
            Cell::Int(_) => Physical::INT64,
            Cell::Float(_) => Physical::DOUBLE,
        };
        let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::REQUIRED);
        Ok(Arc::new(field.build()?))
    });
    let fields = fields.collect::<Result<Vec<_>>>()?;
    let schema = Arc::new(Type::group_type_builder("rows").with_fields(fields).build()?);
    let properties = WriterProperties::builder()
        .set_created_by(String::from("gimbal"))
        .build();
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (index, (name, kind)) in columns.iter().enumerate() {
        let cells = rows.iter().filter_map(|row| row.get(index)).map(|(_, cell)| *cell);
        let mut column = group.next_column()?.with_context(|| format!("no column {name}"))?;
        match kind {
            Cell::Int(_) => {
                let values: Vec<i64> = cells
                    .map(|cell| if let Cell::Int(value) = cell { value } else { 0 })
                    .collect();
                column.typed::<Int64Type>().write_batch(&values, None, None)?;
            }
            Cell::Float(_) => {
                let values: Vec<f64> = cells.map(Cell::float).collect();
                column.typed::<DoubleType>().write_batch(&values, None, None)?;
            }
        }
        column.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::{reader::FileReader, serialized_reader::SerializedFileReader};
    use parquet::record::RowAccessor;

    fn rows() -> Vec<Row> {
        let row = |n: i64, x: f64| vec![(String::from("n"), Cell::Int(n)), (String::from("x"), Cell::Float(x))];
        vec![row(1, 0.1), row(-2, 1e300)]
    }

    #[test]
    fn csv_keeps_every_digit() {
        let text = csv(&rows());
        let cells: Vec<f64> = text
            .lines()
            .skip(1)
            .map(|line| line.split_once(',').unwrap().1.parse().unwrap())
            .collect();
        assert_eq!(text.lines().next(), Some("n,x"));
        assert_eq!(cells, [0.1, 1e300]);
    }

    #[test]
    fn parquet_reads_back_and_is_the_same_every_time() {
        let bytes = parquet(&rows()).unwrap();
        assert_eq!(bytes, parquet(&rows()).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        write(&path, &rows(), Format::Parquet).unwrap();
        let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
        let read: Vec<(i64, f64)> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| {
                let row = row.unwrap();
                (row.get_long(0).unwrap(), row.get_double(1).unwrap())
            })
            .collect();
        assert_eq!(read, [(1, 0.1), (-2, 1e300)]);
    }
}
