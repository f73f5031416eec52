/** Work to be done soon by whichever process is free. A nudge and not a record: what has to happen lies in a table. */
export interface Jobs {
  /**
   * Nudges. One that waits already is the same nudge; while its work runs, it is done once more after it. Never rejects:
   * what is lost here, the schedule finds.
   */
  nudge(name: string): void;
  /**
   * Does the work of that name, when it is nudged and every so often. In one process it never runs twice at a time; in
   * two a nudged and a scheduled run may meet.
   * @param everyMs also without a nudge
   * @param run is given a signal that says when its time is over
   */
  work(name: string, options: { readonly everyMs: number; readonly timeoutMs: number }, run: Run): void;
  /** Takes nothing new, waits for what runs, closes the connections. */
  close(): Promise<void>;
}

export type Run = (signal: AbortSignal) => Promise<void>;
