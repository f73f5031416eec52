import * as shared from '@eventstore/db-client/generated/shared_pb';
import { type ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { Stored } from './store';

export const nameOf = (identifier: shared.StreamIdentifier | undefined): string =>
  Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');

/** The UUID of a message as a text. Clients send it as a text or in the structured form. */
export const uuidOf = (uuid: shared.UUID | undefined): string => {
  const structured = uuid?.getStructured();
  if (!structured) return uuid?.getString() ?? '';
  const half = (bits: string): string => BigInt.asUintN(64, BigInt(bits)).toString(16).padStart(16, '0');
  const hex = half(structured.getMostSignificantBits()) + half(structured.getLeastSignificantBits());
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
};

const recorded = (stored: Stored): ReadResp.ReadEvent.RecordedEvent => {
  const event = new ReadResp.ReadEvent.RecordedEvent()
    .setId(new shared.UUID().setString(stored.id))
    .setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(stored.stream)))
    .setStreamRevision(stored.revision.toString())
    .setCommitPosition(stored.position.toString())
    .setPreparePosition(stored.position.toString())
    .setData(stored.data)
    .setCustomMetadata(stored.metadata);
  event.getMetadataMap().set('type', stored.type);
  event.getMetadataMap().set('content-type', stored.contentType);
  event.getMetadataMap().set('created', stored.created.toString());
  return event;
};

/** @param stored undefined if the event of the link was deleted @param link if the event was read through a link */
export const eventResponse = (stored: Stored | undefined, link?: Stored): ReadResp => {
  const event = new ReadResp.ReadEvent();
  if (stored) event.setEvent(recorded(stored));
  if (link) event.setLink(recorded(link));
  return new ReadResp().setEvent(event.setCommitPosition(String((link ?? stored)?.position ?? 0n)));
};

/** The position before all events, which is -1 in the server, as an unsigned number. */
export const BEFORE_EVERYTHING = 2n ** 64n - 1n;

export const checkpointResponse = (position: bigint): ReadResp =>
  new ReadResp().setCheckpoint(
    new ReadResp.Checkpoint().setCommitPosition(position.toString()).setPreparePosition(position.toString()),
  );

export const deletedError = (stream: string): ServiceError => {
  const metadata = new Metadata();
  metadata.set('exception', 'stream-deleted');
  metadata.set('stream-name', stream);
  const details = `Event stream '${stream}' is deleted.`;
  return Object.assign(new Error(details), { code: status.FAILED_PRECONDITION, details, metadata });
};

export const serviceError = (code: status, details: string): ServiceError =>
  Object.assign(new Error(details), { code, details, metadata: new Metadata() });

/** A function that tests whether a record passes the filter of a subscription. */
export const passes = (filter: ReadReq.Options.FilterOptions | undefined): ((stored: Stored) => boolean) => {
  const expression = filter?.getStreamIdentifier() ?? filter?.getEventType();
  if (!filter || !expression) return () => true;
  const subject = filter.hasStreamIdentifier()
    ? ({ stream }: Stored): string => stream
    : ({ type }: Stored): string => type;
  const prefixes = expression.getPrefixList();
  if (prefixes.length > 0) return (stored) => prefixes.some((prefix) => subject(stored).startsWith(prefix));
  const regex = new RegExp(expression.getRegex());
  return (stored) => regex.test(subject(stored));
};
