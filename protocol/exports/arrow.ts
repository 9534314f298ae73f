/**
 * A table as an Arrow IPC file, which is Feather version 2 (https://arrow.apache.org/docs/format/Columnar.html, "IPC File Format"; tables
 * of the metadata as in its `Schema.fbs`, `Message.fbs` and `File.fbs`): one record batch, without compression. Columns are float64, int64
 * and utf8; a number or a text that is not there is null. The metadata of the schema says what made the table, that of a field what it is.
 *
 * Panels write it too: apache-arrow, which the compute server reads such files with, would add 213 kB to each of their seven bundles, and
 * 21.2 leaves the schema before the batches out of files (seen on 2026-12-02).
 */
import { joined, padding, utf8 } from './bytes';
import { columnBytes } from './described';
import type { ExportedColumn, ExportedTable } from './exported';
import { flatbuffer, type Table, type Value } from './flatbuffer';

/** MetadataVersion.V5 */
const version: Value = { short: 4 };
const header = { schema: 1, recordBatch: 3 } as const;
/** Numbers of the union `Type`. */
const type = { whole: 2, number: 3, text: 5 } as const;

const magic = utf8('ARROW1');

/** `about`: of the table; `headscope_export` is its first key. */
export function arrowFile({ rows, columns }: ExportedTable, about: Readonly<Record<string, string>>): Uint8Array {
  const schema = schemaOf(columns, about);
  const parts = columns.map((column) => bodyOf(column));
  let at = 0;
  const buffers = parts.flatMap(({ buffers: own }) =>
    own.map((buffer) => {
      const place = { offset: at, length: buffer.length, buffer };
      at += buffer.length + padding(buffer.length, 8).length;
      return place;
    }),
  );
  const batch: Table = {
    0: { long: rows },
    1: { structs: parts.map(({ nulls }) => [rows, nulls]) },
    2: { structs: buffers.map(({ offset, length }) => [offset, length]) },
  };
  const first = joined([magic, padding(magic.length, 8)]);
  const schemaMessage = message(header.schema, schema, 0);
  const batchMessage = message(header.recordBatch, batch, at);
  const body = joined(buffers.flatMap(({ buffer }) => [buffer, padding(buffer.length, 8)]));
  const end = Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0);
  const footer = flatbuffer({
    0: version,
    1: { table: schema },
    2: { structs: [] },
    // Block: offset, length of the metadata (4 bytes, then 4 of nothing), length of the body.
    3: { structs: [[first.length + schemaMessage.length, batchMessage.length, at]] },
  });
  const size = new Uint8Array(4);
  new DataView(size.buffer).setInt32(0, footer.length, true);
  return joined([first, schemaMessage, batchMessage, body, end, footer, size, magic]);
}

function schemaOf(columns: readonly ExportedColumn[], about: Readonly<Record<string, string>>): Table {
  return {
    0: { short: 0 },
    1: { tables: columns.map(fieldOf) },
    2: keyValues(about),
  };
}

function fieldOf(column: ExportedColumn): Table {
  const { title, unit, definition } = column;
  return {
    0: { text: column.name },
    1: { byte: 1 },
    2: { byte: type[column.type] },
    3: { table: typeOf(column) },
    5: { tables: [] },
    6: keyValues({ title, unit, definition }),
  };
}

function typeOf(column: ExportedColumn): Table {
  switch (column.type) {
    case 'whole':
      return { 0: { int: 64 }, 1: { byte: 1 } };
    case 'number':
      // Precision.DOUBLE
      return { 0: { short: 2 } };
    case 'text':
      return {};
  }
}

const keyValues = (values: Readonly<Record<string, string>>): Value => ({
  tables: Object.entries(values).map(([key, value]) => ({ 0: { text: key }, 1: { text: value } })),
});

/** Behind its length, which counts with these 8 bytes in a block. */
function message(kind: number, table: Table, bodyLength: number): Uint8Array {
  const metadata = flatbuffer({ 0: version, 1: { byte: kind }, 2: { table }, 3: { long: bodyLength } });
  const prefix = new Uint8Array(8);
  const view = new DataView(prefix.buffer);
  view.setUint32(0, 0xffff_ffff, true);
  view.setInt32(4, metadata.length, true);
  return joined([prefix, metadata]);
}

/** Which values are there, a bit each (empty where all are), then the values. */
function bodyOf(column: ExportedColumn): { readonly nulls: number; readonly buffers: readonly Uint8Array[] } {
  const { values } = column;
  const isThere = values.map((value) => value !== undefined && !Number.isNaN(value));
  const nulls = isThere.filter((there) => !there).length;
  const bits = new Uint8Array(nulls === 0 ? 0 : Math.ceil(values.length / 8));
  if (nulls > 0) isThere.forEach((there, at) => (bits[at >> 3]! |= Number(there) << (at & 7)));
  return { nulls, buffers: [bits, ...(column.type === 'text' ? textBuffers(values) : [columnBytes(column)])] };
}

function textBuffers(values: ExportedColumn['values']): readonly [ends: Uint8Array, texts: Uint8Array] {
  const texts = values.map((value) => utf8(String(value ?? '')));
  const ends = new Uint8Array(4 * (texts.length + 1));
  const view = new DataView(ends.buffer);
  let at = 0;
  texts.forEach((text, place) => view.setInt32(4 * (place + 1), (at += text.length), true));
  if (at > 0x7fff_ffff)
    throw new Error('Its texts are longer than 2 GB, which an Arrow column does not hold. Export CSV.');
  return [ends, joined(texts)];
}
