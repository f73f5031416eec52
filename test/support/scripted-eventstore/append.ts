import * as shared from '@eventstore/db-client/generated/shared_pb';
import { Status } from '@eventstore/db-client/generated/status_pb';
import * as streams from '@eventstore/db-client/generated/streams_pb';
import type { ServerDuplexStream, ServerReadableStream, sendUnaryData } from '@grpc/grpc-js';
import { Any } from 'google-protobuf/google/protobuf/any_pb';
import { Empty } from 'google-protobuf/google/protobuf/empty_pb';
import { type Members, refusalOf } from './gossip';
import { type AppendFault, notReadyStatus, type Script } from './script';
import type { Expected, Outcome, Proposed, Store } from './store';
import { nameOf, uuidOf } from './wire';

export interface Node {
  readonly store: Store;
  readonly script: Script;
  /** Cuts every connection. */
  readonly cut: () => void;
  /** The nodes of its cluster. */
  readonly members: Members;
}

type BatchCall = ServerDuplexStream<streams.BatchAppendReq, streams.BatchAppendResp>;

const failure = (message: string, details: { serializeBinary(): Uint8Array }, type: string): Status => {
  const any = new Any();
  any.pack(details.serializeBinary(), type);
  return new Status().setMessage(message).setDetails(any);
};

const conflict = (current: bigint, expected: Expected): Status => {
  const details = new shared.WrongExpectedVersion();
  if (current < 0n) details.setCurrentNoStream(new Empty());
  else details.setCurrentStreamRevision(current.toString());
  if (typeof expected === 'bigint' && expected >= 0n) details.setExpectedStreamPosition(expected.toString());
  else if (expected === 'any') details.setExpectedAny(new Empty());
  else details.setExpectedNoStream(new Empty());
  return failure('WrongExpectedVersion', details, 'event_store.client.WrongExpectedVersion');
};

const refusals: Partial<Record<AppendFault, () => Status>> = {
  timeout: () => failure('Timeout', new shared.Timeout(), 'event_store.client.Timeout'),
  'timeout-stored': () => failure('Timeout', new shared.Timeout(), 'event_store.client.Timeout'),
  'not-ready': () => failure('Server Is Not Ready', new shared.Empty(), 'event_store.client.Empty'),
  denied: () => failure('Access Denied', new shared.AccessDenied(), 'event_store.client.AccessDenied'),
  conflict: () => conflict(7_000n, 0n),
  'too-large': () => {
    const details = new shared.MaximumAppendSizeExceeded().setMaxappendsize(1_048_576);
    return failure('too large', details, 'event_store.client.MaximumAppendSizeExceeded');
  },
};

/** The maximum number of bytes of one append that the server accepts, with metadata and types. */
const MAX_SIZE = 1_048_576;

const sizeOf = (events: readonly Proposed[]): number =>
  events.reduce((sum, { data, metadata, type }) => sum + data.length + metadata.length + 2 * type.length, 0);

const expectedOf = (options: streams.BatchAppendReq.Options): Expected => {
  if (options.hasAny()) return 'any';
  if (options.hasStreamExists()) return 'stream_exists';
  return options.hasNoStream() ? -1n : BigInt(options.getStreamPosition());
};

const proposedOf = (message: streams.BatchAppendReq.ProposedMessage | streams.AppendReq.ProposedMessage): Proposed => ({
  id: uuidOf(message.getId()),
  type: message.getMetadataMap().get('type') ?? '',
  contentType: message.getMetadataMap().get('content-type') ?? '',
  data: message.getData_asU8(),
  metadata: message.getCustomMetadata_asU8(),
});

const answer = (
  request: streams.BatchAppendReq,
  outcome: Outcome | Status,
  expected: Expected,
): streams.BatchAppendResp => {
  const options = request.getOptions() as streams.BatchAppendReq.Options;
  const response = new streams.BatchAppendResp()
    .setCorrelationId(request.getCorrelationId())
    .setStreamIdentifier(options.getStreamIdentifier());
  if (outcome instanceof Status) return response.setError(outcome);
  if (outcome.kind === 'conflict') return response.setError(conflict(outcome.current, expected));
  if (outcome.kind === 'deleted') {
    const details = new shared.StreamDeleted().setStreamIdentifier(options.getStreamIdentifier());
    return response.setError(failure('StreamDeleted', details, 'event_store.client.StreamDeleted'));
  }
  const at = outcome.position.toString();
  const position = new shared.AllStreamPosition().setCommitPosition(at).setPreparePosition(at);
  return response.setSuccess(
    new streams.BatchAppendResp.Success().setCurrentRevision(outcome.revision.toString()).setPosition(position),
  );
};

/** Handles one append of a batch call, with the fault of the script. */
const handleAppend = (node: Node, call: BatchCall, request: streams.BatchAppendReq, events: Proposed[]): void => {
  const { store, script, cut } = node;
  const options = request.getOptions() as streams.BatchAppendReq.Options;
  const stream = nameOf(options.getStreamIdentifier());
  const expected = expectedOf(options);
  const reply = (outcome: Outcome | Status): void => {
    if (!call.destroyed) call.write(answer(request, outcome, expected));
  };
  script.counts.appends++;
  const fault = script.notReady ? 'not-ready' : sizeOf(events) > MAX_SIZE ? 'too-large' : script.onAppend?.(stream);
  const refusal = fault && refusals[fault]?.();
  if (fault === 'cut-before') cut();
  else if (fault === 'late') script.hold(() => reply(store.append(stream, expected, events)));
  else if (refusal && fault !== 'timeout-stored') reply(refusal);
  else {
    const outcome = store.append(stream, expected, events);
    if (fault === 'cut') cut();
    else if (fault !== 'silent') reply(refusal ?? outcome);
    if (fault === 'twice') reply(outcome);
  }
};

/**
 * Handles one append if this node leads. Otherwise a call that requires the leader ends with an error, as at the real
 * server, and an append to a node without a leader is never answered.
 */
const handleOrRefuse = (node: Node, call: BatchCall, request: streams.BatchAppendReq, events: Proposed[]): void => {
  const refusal = refusalOf(node.script, call.metadata, node.members);
  if (refusal) call.emit('error', refusal);
  else if (node.script.role === 'leaderless') node.script.counts.appends++;
  else handleAppend(node, call, request, events);
};

export const batchAppend =
  (node: Node) =>
  (call: BatchCall): void => {
    let earlier: { options: streams.BatchAppendReq.Options | undefined; events: Proposed[] } | undefined;
    let last = Promise.resolve();
    call.on('error', () => undefined);
    call.on('end', () => call.end());
    call.on('data', (request: streams.BatchAppendReq) => {
      const events = [...(earlier?.events ?? []), ...request.getProposedMessagesList().map(proposedOf)];
      if (earlier?.options) request.setOptions(earlier.options);
      earlier = request.getIsFinal() ? undefined : { options: request.getOptions(), events };
      if (earlier) return;
      // One after the other, so that the order of arrival is kept after a thaw.
      last = last.then(() => node.script.awake()).then(() => handleOrRefuse(node, call, request, events));
    });
  };

/** The call that the client uses if it has credentials. It exists only to complete the service. */
export const append =
  ({ store, script }: Node) =>
  (
    call: ServerReadableStream<streams.AppendReq, streams.AppendResp>,
    done: sendUnaryData<streams.AppendResp>,
  ): void => {
    let options: streams.AppendReq.Options | undefined;
    const events: Proposed[] = [];
    call.on('data', (request: streams.AppendReq) => {
      if (request.hasOptions()) options = request.getOptions();
      const message = request.getProposedMessage();
      if (message) events.push(proposedOf(message));
    });
    call.on('end', () => {
      if (script.notReady || !options) return done(notReadyStatus);
      const expected = options.hasAny() ? 'any' : options.hasNoStream() ? -1n : BigInt(options.getRevision());
      const outcome = store.append(nameOf(options.getStreamIdentifier()), expected, events);
      if (outcome.kind !== 'stored') return done(notReadyStatus);
      done(
        null,
        new streams.AppendResp().setSuccess(
          new streams.AppendResp.Success().setCurrentRevision(outcome.revision.toString()),
        ),
      );
    });
  };
