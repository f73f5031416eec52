import { type ReadReq, ReadResp, type TombstoneReq, TombstoneResp } from '@eventstore/db-client/generated/streams_pb';
import { type ServerUnaryCall, type ServerWritableStream, type sendUnaryData, status } from '@grpc/grpc-js';
import type { Node } from './append';
import { refusalOf } from './gossip';
import { notReadyStatus } from './script';
import type { Stored } from './store';
import {
  BEFORE_EVERYTHING,
  checkpointResponse,
  deletedError,
  eventResponse,
  nameOf,
  passes,
  serviceError,
} from './wire';

export type ReadCall = ServerWritableStream<ReadReq, ReadResp>;

const ended = (call: ReadCall): AbortSignal => {
  const controller = new AbortController();
  for (const event of ['cancelled', 'close', 'error']) call.on(event, () => controller.abort());
  return controller.signal;
};

/** Writes with the back-pressure of the client. */
const write = async (call: ReadCall, response: ReadResp, signal: AbortSignal): Promise<void> => {
  if (signal.aborted || call.write(response)) return;
  await new Promise<void>((resolve) => {
    const go = (): void => {
      call.off('drain', go);
      signal.removeEventListener('abort', go);
      resolve();
    };
    call.on('drain', go);
    signal.addEventListener('abort', go);
  });
};

const readStream = async (node: Node, call: ReadCall, options: ReadReq.Options, signal: AbortSignal): Promise<void> => {
  const wanted = options.getStream() as ReadReq.Options.StreamOptions;
  const stream = nameOf(wanted.getStreamIdentifier());
  if (node.store.isDeleted(stream)) return void call.emit('error', deletedError(stream));
  const recorded = node.store.read(stream);
  if (!recorded) {
    const missing = new ReadResp.StreamNotFound().setStreamIdentifier(wanted.getStreamIdentifier());
    await write(call, new ReadResp().setStreamNotFound(missing), signal);
    return void call.end();
  }
  const respond = (stored: Stored): ReadResp =>
    options.getResolveLinks() && stored.type === '$>'
      ? eventResponse(node.store.resolve(stored), stored)
      : eventResponse(stored);
  const backwards = options.getReadDirection() === 1;
  const from = wanted.hasRevision() ? Number(wanted.getRevision()) : wanted.hasEnd() === backwards ? undefined : 0;
  const part = backwards
    ? recorded.slice(0, from === undefined ? undefined : from + 1).reverse()
    : recorded.slice(from ?? 0);
  for (const stored of part.slice(0, Number(options.getCount()))) await write(call, respond(stored), signal);
  call.end();
};

/** The index at which a read of `$all` begins: inclusive forwards, exclusive backwards. Undefined: no such position. */
const startOf = (node: Node, options: ReadReq.Options, inclusive: boolean): number | undefined => {
  const wanted = options.getAll();
  const position = wanted?.getPosition();
  if (!position) return wanted?.hasEnd() ? node.store.log.length : 0;
  const next = node.store.indexAfter(BigInt(position.getCommitPosition()));
  return next === undefined ? undefined : inclusive ? next - 1 : next;
};

const readAll = async (node: Node, call: ReadCall, options: ReadReq.Options, signal: AbortSignal): Promise<void> => {
  const backwards = options.getReadDirection() === 1;
  const start = startOf(node, options, true);
  if (start === undefined) return void call.emit('error', serviceError(status.INVALID_ARGUMENT, 'InvalidPosition'));
  const count = Number(options.getCount());
  const log = node.store.log;
  const matches = passes(options.getFilter());
  const ordered = backwards ? log.slice(0, start).reverse() : log.slice(start);
  const part = ordered.filter(matches).slice(0, count);
  for (const stored of part) await write(call, eventResponse(stored), signal);
  call.end();
};

/** Sends the events from the start position, then new ones. It falls behind if the client reads them too slowly. */
const subscribe = async (node: Node, call: ReadCall, options: ReadReq.Options, signal: AbortSignal): Promise<void> => {
  const { store, script } = node;
  const filter = options.getFilter();
  const matches = passes(filter);
  const interval = filter
    ? (filter.getMax() || 32) * filter.getCheckpointintervalmultiplier()
    : Number.POSITIVE_INFINITY;
  const start = startOf(node, options, false);
  if (start === undefined) return void call.emit('error', serviceError(status.INVALID_ARGUMENT, 'InvalidPosition'));
  await write(
    call,
    new ReadResp().setConfirmation(new ReadResp.SubscriptionConfirmation().setSubscriptionId('1')),
    signal,
  );
  let [next, examined, live] = [start, 0, false];
  let sentPosition = store.log[start - 1]?.position ?? BEFORE_EVERYTHING;
  while (!signal.aborted) {
    await script.awake();
    if (live && (store.log.length - next > 100 || call.writableNeedDrain)) {
      live = false;
      await write(call, new ReadResp().setFellBehind(new ReadResp.FellBehind()), signal);
    }
    const stored = store.log[next] as Stored | undefined;
    if (!stored) {
      if (!live) {
        // The position of what was sent, not of what was examined. Nothing may have been sent since the start.
        if (filter) await write(call, checkpointResponse(sentPosition), signal);
        await write(call, new ReadResp().setCaughtUp(new ReadResp.CaughtUp()), signal);
      }
      live = true;
      if (next === store.log.length) await store.written(signal);
      continue;
    }
    next++;
    if (matches(stored)) {
      script.counts.sent++;
      sentPosition = stored.position;
      await write(call, eventResponse(stored), signal);
    }
    if (++examined % interval === 0) {
      sentPosition = stored.position;
      await write(call, checkpointResponse(sentPosition), signal);
    }
  }
};

export const read =
  (node: Node, subscriptions: Set<ReadCall>, waiting: Set<ReadCall>) =>
  async (call: ReadCall): Promise<void> => {
    const { script } = node;
    const options = call.request.getOptions() as ReadReq.Options;
    const signal = ended(call);
    call.on('error', () => undefined);
    const isSubscription = options.hasSubscription();
    script.counts[isSubscription ? 'subscriptions' : 'reads']++;
    waiting.add(call);
    signal.addEventListener('abort', () => waiting.delete(call));
    await script.awake();
    if (!isSubscription && script.holdReads) return;
    waiting.delete(call);
    if (signal.aborted) return;
    if (script.notReady) return void call.emit('error', serviceError(notReadyStatus.code, notReadyStatus.details));
    const refusal = refusalOf(script, call.metadata, node.members);
    if (refusal) return void call.emit('error', refusal);
    if (!isSubscription) return (options.hasStream() ? readStream : readAll)(node, call, options, signal);
    if (script.onSubscribe?.()) return;
    subscriptions.add(call);
    await subscribe(node, call, options, signal).finally(() => subscriptions.delete(call));
  };

export const tombstone =
  ({ store, script }: Node) =>
  async (call: ServerUnaryCall<TombstoneReq, TombstoneResp>, done: sendUnaryData<TombstoneResp>): Promise<void> => {
    script.counts.tombstones++;
    await script.awake();
    if (script.notReady) return done(notReadyStatus);
    const stream = nameOf(call.request.getOptions()?.getStreamIdentifier());
    if (store.isDeleted(stream)) return done(deletedError(stream));
    store.tombstone(stream);
    done(null, new TombstoneResp());
  };
