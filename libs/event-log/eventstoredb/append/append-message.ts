import {
  Empty,
  MaximumAppendSizeExceeded,
  StreamIdentifier,
  UUID,
  WrongExpectedVersion,
} from '@eventstore/db-client/generated/shared_pb';
import { BatchAppendReq, type BatchAppendResp } from '@eventstore/db-client/generated/streams_pb';
import { InvalidAppend, LogDenied, LogUnavailable } from '../../port';
import type { EncodedEvent } from '../codec';
import { OutcomeLost } from '../errors';

/** The server's reply to one append. */
export type Reply =
  | { readonly kind: 'stored'; readonly version: number; readonly position: bigint | undefined }
  | { readonly kind: 'conflict'; readonly actual: number };

/** The server answers but does not accept appends at present. Nothing was written. */
export class ServerNotReady extends LogUnavailable {}

const uuid = (text: string): UUID => new UUID().setString(text);

/**
 * The id that relates a reply to its request within one call. The number is in the low half, where it is easy to read.
 */
const correlation = (number: string): UUID =>
  new UUID().setStructured(new UUID.Structured().setMostSignificantBits('1').setLeastSignificantBits(number));

/**
 * Builds the message of one append. It sets no deadline, because that would be a time of this machine's clock. The
 * server has its own timeout for writes.
 */
export const appendMessage = (
  number: string,
  stream: string,
  expected: number | 'any',
  events: readonly EncodedEvent[],
): BatchAppendReq => {
  const options = new BatchAppendReq.Options().setStreamIdentifier(
    new StreamIdentifier().setStreamName(Buffer.from(stream)),
  );
  if (expected === 'any') options.setAny(new Empty());
  else if (expected === 0) options.setNoStream(new Empty());
  else options.setStreamPosition(String(expected - 1));
  const messages = events.map(({ id, type, data, metadata }) => {
    const message = new BatchAppendReq.ProposedMessage().setId(uuid(id)).setData(data).setCustomMetadata(metadata);
    message.getMetadataMap().set('type', type).set('content-type', 'application/json');
    return message;
  });
  return new BatchAppendReq()
    .setCorrelationId(correlation(number))
    .setOptions(options)
    .setProposedMessagesList(messages)
    .setIsFinal(true);
};

/** The number of the request that a reply answers. */
export const numberOf = (reply: BatchAppendResp): string => {
  const id = reply.getCorrelationId();
  const structured = id?.getStructured();
  if (structured) return structured.getLeastSignificantBits();
  return String(Number.parseInt(id?.getString().slice(-12) ?? '', 16));
};

const TYPE = 'event_store.client.';

/** Undefined for the position -1 (signed or unsigned), which the server returns if it does not know the position. */
const knownPosition = (position: bigint): bigint | undefined =>
  position > 0n && position < 2n ** 63n ? position : undefined;

/**
 * Reads a reply.
 * @throws InvalidAppend the append is too large or invalid, or the stream was erased
 * @throws ServerNotReady
 * @throws LogDenied the server denies appends to this user
 * @throws OutcomeLost the server timed out, or the reply is not known here
 */
export const readReply = (reply: BatchAppendResp): Reply => {
  const success = reply.getSuccess();
  if (success) {
    const position = success.getPosition()?.getCommitPosition();
    return {
      kind: 'stored',
      version: Number(success.getCurrentRevision()) + 1,
      position: position === undefined ? undefined : knownPosition(BigInt(position)),
    };
  }
  const error = reply.getError();
  const details = error?.getDetails();
  const type = details?.getTypeName() ?? '';
  switch (type) {
    case `${TYPE}WrongExpectedVersion`: {
      const wrong = details?.unpack(WrongExpectedVersion.deserializeBinary, type);
      return {
        kind: 'conflict',
        actual: wrong?.hasCurrentStreamRevision() ? Number(wrong.getCurrentStreamRevision()) + 1 : 0,
      };
    }
    case `${TYPE}StreamDeleted`:
      throw new InvalidAppend('the stream was erased');
    case `${TYPE}MaximumAppendSizeExceeded`: {
      const limit = details?.unpack(MaximumAppendSizeExceeded.deserializeBinary, type)?.getMaxappendsize();
      throw new InvalidAppend(`the server accepts at most ${limit} bytes in one append, including its metadata`);
    }
    case `${TYPE}BadRequest`:
    case `${TYPE}InvalidTransaction`:
      throw new InvalidAppend(`the server refuses the append: ${error?.getMessage()}`);
    case `${TYPE}AccessDenied`:
      throw new LogDenied('the server denies appends to this user');
  }
  const message = error?.getMessage() ?? '';
  if (/not ready|too busy|leader/i.test(message)) throw new ServerNotReady(message);
  throw new OutcomeLost(message || type || 'the reply of the server has an unknown form');
};
