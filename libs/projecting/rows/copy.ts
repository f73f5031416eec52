import { once } from 'node:events';
import type { PoolClient } from 'pg';
import { escapeIdentifier } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { STATEMENT_MS } from '../projector-pool';
import type { Row, Table, Value } from './tables';

const ESCAPES: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const NEEDS_ESCAPE = /[\\\n\r\t]/;

const escaped = (text: string): string =>
  NEEDS_ESCAPE.test(text) ? text.replace(/[\\\n\r\t]/g, (it) => ESCAPES[it] as string) : text;

const fieldOf = (value: Value): string => {
  if (value === null) return '\\N';
  return typeof value === 'string' ? escaped(value) : String(value);
};

/** The number of characters that are collected before they are passed to the connection. */
const CHUNK = 256 * 1024;

/**
 * Loads rows with `COPY`, within the transaction of the client. Their keys must be new.
 * @throws DatabaseError the database refuses a row; the transaction can then only be rolled back
 */
export const copyRows = async (
  client: PoolClient,
  schema: string,
  name: string,
  table: Table,
  rows: Iterable<Row>,
): Promise<void> => {
  const columns = Object.keys(table.columns);
  const target = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
  const copying = copyFrom(`copy ${target} (${columns.map(escapeIdentifier).join(', ')}) from stdin`);
  const stream = client.query(Object.assign(copying, { query_timeout: STATEMENT_MS }));
  const finished = new Promise<void>((resolve, reject) => {
    stream.on('finish', resolve);
    stream.on('error', reject);
  });
  // It is awaited at the end. Until then a rejection must not be reported as unhandled.
  finished.catch(() => {});
  try {
    let text = '';
    for (const row of rows) {
      let separator = '';
      for (const column of columns) {
        text += separator + fieldOf(row[column] as Value);
        separator = '\t';
      }
      text += '\n';
      if (text.length >= CHUNK) {
        if (!stream.write(text)) await Promise.race([once(stream, 'drain'), finished]);
        text = '';
      }
    }
    stream.end(text);
  } catch (error) {
    // A connection that is left in the middle of a COPY would accept no further query.
    stream.destroy(error as Error);
  }
  await finished;
};
