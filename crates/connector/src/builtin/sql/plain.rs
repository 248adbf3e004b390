//! Rows of PostgreSQL as they come over the wire, for statements whose rows the database
//! cannot write as JSON: the kinds of columns that most have.

use futures_util::{TryStreamExt as _, pin_mut};
use serde_json::{Map, Value as Json};
use tokio_postgres::types::Type;
use tokio_postgres::{Row, RowStream};

use super::super::limits::{ROWS_BYTES_MAX, ROWS_MAX};
use super::super::stop::Stop;
use super::postgres::fault;
use super::{Rows, too_large};

pub(super) async fn read(rows: RowStream) -> Result<Rows, Stop> {
    pin_mut!(rows);
    let (mut found, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.try_next().await.map_err(|error| fault(&error))? {
        let row = json(&row)?;
        bytes += row.len();
        if bytes > ROWS_BYTES_MAX || found.len() as u64 >= ROWS_MAX {
            return Err(too_large());
        }
        found.push(row);
    }
    Ok(found)
}

fn json(row: &Row) -> Result<String, Stop> {
    let mut item = Map::new();
    for (at, column) in row.columns().iter().enumerate() {
        item.insert(column.name().to_owned(), value(row, at, column.type_())?);
    }
    Ok(Json::Object(item).to_string())
}

fn value(row: &Row, at: usize, kind: &Type) -> Result<Json, Stop> {
    let found = match *kind {
        Type::BOOL => row.try_get::<_, Option<bool>>(at).map(Json::from),
        Type::INT2 => row.try_get::<_, Option<i16>>(at).map(Json::from),
        Type::INT4 => row.try_get::<_, Option<i32>>(at).map(Json::from),
        Type::INT8 => row.try_get::<_, Option<i64>>(at).map(Json::from),
        Type::FLOAT4 => row.try_get::<_, Option<f32>>(at).map(Json::from),
        Type::FLOAT8 => row.try_get::<_, Option<f64>>(at).map(Json::from),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
            row.try_get::<_, Option<String>>(at).map(Json::from)
        }
        _ => {
            return Err(Stop::bad(format!(
                "Such a statement cannot give a column of kind '{kind}'; cast it to text."
            )));
        }
    };
    found.map_err(|error| fault(&error))
}
