import {
  Empty,
  MaximumAppendSizeExceeded,
  StreamIdentifier,
  UUID,
  WrongExpectedVersion,
} from '@eventstore/db-client/generated/shared_pb';
import { BatchAppendReq, type BatchAppendResp } from '@eventstore/db-client/generated/streams_pb';
import { InvalidAppend, LogUnavailable } from '../../port';
import type { EncodedEvent } from '../codec';
import { OutcomeLost } from '../errors';

/** What the server says of one append. */
export type Reply =
  | { readonly kind: 'stored'; readonly version: number; readonly position: bigint | undefined }
  | { readonly kind: 'conflict'; readonly actual: number };

/** The server is there and does not take appends now; nothing was written. */
export class NotNow extends LogUnavailable {}

const uuid = (text: string): UUID => new UUID().setString(text);

/** Correlates a reply within one call: the number is in the low half, where the reply can be read without arithmetic. */
const correlation = (number: string): UUID =>
  new UUID().setStructured(new UUID.Structured().setMostSignificantBits('1').setLeastSignificantBits(number));

/**
 * One append as one message. It sets no deadline of the server's: that would be a time by this machine's clock. The
 * server has its own for writes.
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

export const numberOf = (reply: BatchAppendResp): string => {
  const id = reply.getCorrelationId();
  const structured = id?.getStructured();
  if (structured) return structured.getLeastSignificantBits();
  return String(Number.parseInt(id?.getString().slice(-12) ?? '', 16));
};

const TYPE = 'event_store.client.';

/** Positions that the server gives where it does not know one: -1, in either reading. */
const plausible = (position: bigint): bigint | undefined =>
  position > 0n && position < 2n ** 63n ? position : undefined;

/**
 * @throws InvalidAppend too large, or the stream was erased
 * @throws NotNow
 * @throws OutcomeLost the server gave up waiting for its own answer, or says something that is not known here
 */
export const readReply = (reply: BatchAppendResp): Reply => {
  const success = reply.getSuccess();
  if (success) {
    const position = success.getPosition()?.getCommitPosition();
    return {
      kind: 'stored',
      version: Number(success.getCurrentRevision()) + 1,
      position: position === undefined ? undefined : plausible(BigInt(position)),
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
      throw new InvalidAppend(`the server takes ${limit} bytes in one append at most, its metadata included`);
    }
    case `${TYPE}BadRequest`:
    case `${TYPE}InvalidTransaction`:
      throw new InvalidAppend(`the server refuses the append: ${error?.getMessage()}`);
    case `${TYPE}AccessDenied`:
      throw new LogUnavailable('the server denies this user the append');
  }
  const said = error?.getMessage() ?? '';
  if (/not ready|too busy|leader/i.test(said)) throw new NotNow(said);
  throw new OutcomeLost(said || type || 'an answer of no known form');
};
