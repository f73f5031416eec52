import type { Position } from '../../port';
import type { StreamId } from '../../stream-id';
import type { Upcasters } from '../../upcasting';
import { StoredEvent } from '../stored-event';
import type { BinaryRow } from './copy-out';

/**
 * In the order of {@link FIELD}. Reading a field skips those before it, so the fields that are read most come first.
 */
export const COPIED_COLUMNS = `position, type, schema_version, tenant_id, aggregate_id, data, aggregate, version,
  recorded_at, command_id, ordinal, actor_kind, actor_id, causation_id, correlation_id,
  access_id`;

const FIELD = {
  ...{ position: 0, type: 1, schemaVersion: 2, tenantId: 3, aggregateId: 4, data: 5, aggregate: 6, version: 7 },
  ...{ recordedAt: 8, commandId: 9, ordinal: 10, actorKind: 11, actorId: 12, causationId: 13, correlationId: 14 },
  ...{ accessId: 15 },
} as const;

/** ms from 1970 to 2000, the year in which PostgreSQL's timestamps begin. */
const EPOCH_MS = 946_684_800_000;

const int32At = (bytes: Buffer, at: number): number =>
  ((bytes[at] as number) << 24) |
  ((bytes[at + 1] as number) << 16) |
  ((bytes[at + 2] as number) << 8) |
  (bytes[at + 3] as number);

/** The two hex digits of each byte, as two bytes of text. */
const DIGITS = Uint16Array.from({ length: 256 }, (_, byte) => {
  const hex = byte.toString(16).padStart(2, '0');
  return hex.charCodeAt(0) | (hex.charCodeAt(1) << 8);
});
/** The index of each byte of a UUID in its text. */
const PLACES = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34);
const uuidText = Buffer.from('00000000-0000-0000-0000-000000000000', 'latin1');

const uuidAt = (bytes: Buffer, at: number): string => {
  for (let i = 0; i < 16; i++) {
    const digits = DIGITS[bytes[at + i] as number] as number;
    const place = PLACES[i] as number;
    uuidText[place] = digits & 0xff;
    uuidText[place + 1] = digits >>> 8;
  }
  return uuidText.toString('latin1');
};

/**
 * A cache of short words by a hash of their bytes. The log uses few different words, so that most of them are found
 * here and need not be decoded again.
 */
const words: { readonly bytes: Buffer; readonly text: string }[] = [];
const WORDS = 256;

const isAt = (word: Buffer, bytes: Buffer, at: number): boolean => {
  for (let i = 0; i < word.length; i++) if (word[i] !== bytes[at + i]) return false;
  return true;
};

/** Reads a short ASCII word, such as the name of a type or an aggregate. */
const wordAt = (bytes: Buffer, at: number, length: number): string => {
  const place = (length * 31 + (bytes[at] as number) * 7 + (bytes[at + length - 1] as number)) % WORDS;
  const known = words[place];
  if (known?.bytes.length === length && isAt(known.bytes, bytes, at)) return known.text;
  const word = Buffer.from(bytes.subarray(at, at + length));
  const text = word.toString('latin1');
  words[place] = { bytes: word, text };
  return text;
};

/** The index of the field's length. The bytes of the field begin four bytes later. */
const fieldAt = ({ bytes, start }: BinaryRow, field: number): number => {
  let at = start;
  for (let before = 0; before < field; before++) at += 4 + Math.max(0, int32At(bytes, at));
  return at;
};

const textOf = (row: BinaryRow, field: number): string => {
  const at = fieldAt(row, field);
  return row.bytes.toString('utf8', at + 4, at + 4 + int32At(row.bytes, at));
};
const wordOf = (row: BinaryRow, field: number): string => {
  const at = fieldAt(row, field);
  return wordAt(row.bytes, at + 4, int32At(row.bytes, at));
};
const textOrNull = (row: BinaryRow, field: number): string | null =>
  int32At(row.bytes, fieldAt(row, field)) < 0 ? null : textOf(row, field);
const uuidOf = (row: BinaryRow, field: number): string => uuidAt(row.bytes, fieldAt(row, field) + 4);
const uuidOrNull = (row: BinaryRow, field: number): string | null => {
  const at = fieldAt(row, field);
  return int32At(row.bytes, at) < 0 ? null : uuidAt(row.bytes, at + 4);
};
const int16Of = (row: BinaryRow, field: number): number => row.bytes.readInt16BE(fieldAt(row, field) + 4);
const int32Of = (row: BinaryRow, field: number): number => int32At(row.bytes, fieldAt(row, field) + 4);
const int64Of = (row: BinaryRow, field: number): bigint => row.bytes.readBigInt64BE(fieldAt(row, field) + 4);

/** An event whose fields are read from the binary format of COPY. */
export class CopiedEvent extends StoredEvent {
  readonly #row: BinaryRow;

  constructor(row: BinaryRow, upcasters: Upcasters) {
    super(wordOf(row, FIELD.type), int16Of(row, FIELD.schemaVersion), upcasters);
    this.#row = row;
  }

  get position(): Position {
    return int64Of(this.#row, FIELD.position);
  }
  get recordedAt(): Date {
    const at = fieldAt(this.#row, FIELD.recordedAt) + 4;
    // Microseconds since 2000 as two halves; the lower half is unsigned. The result stays below 2^53 until the year
    // 2285.
    const microseconds = int32At(this.#row.bytes, at) * 2 ** 32 + (int32At(this.#row.bytes, at + 4) >>> 0);
    return new Date(microseconds / 1_000 + EPOCH_MS);
  }
  get commandId(): string {
    return uuidOf(this.#row, FIELD.commandId);
  }
  get version(): number {
    return int32Of(this.#row, FIELD.version);
  }
  protected get ordinal(): number {
    return int16Of(this.#row, FIELD.ordinal);
  }
  protected get json(): string {
    return textOf(this.#row, FIELD.data);
  }
  protected get actorKind(): string {
    return wordOf(this.#row, FIELD.actorKind);
  }
  protected get actorId(): string | null {
    return uuidOrNull(this.#row, FIELD.actorId);
  }
  protected get storedCausation(): string | null {
    return uuidOrNull(this.#row, FIELD.causationId);
  }
  protected get storedCorrelation(): string | null {
    return textOrNull(this.#row, FIELD.correlationId);
  }
  get accessId(): string | null {
    return uuidOrNull(this.#row, FIELD.accessId);
  }
  protected streamId(): StreamId {
    const tenantId = uuidOrNull(this.#row, FIELD.tenantId);
    return { tenantId, aggregate: wordOf(this.#row, FIELD.aggregate), id: uuidOf(this.#row, FIELD.aggregateId) };
  }
}
