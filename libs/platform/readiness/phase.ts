import { NotReady, type ReadinessCheck } from './check';

/** A check that fails while the process is starting or stopping, so that load balancers send it no requests then. */
export const createPhase = () => {
  let sentence: string | undefined = 'The process is starting; not all of its parts are ready yet.';
  const check: ReadinessCheck = {
    name: 'process',
    message: 'The process is starting or stopping.',
    runbook: 'docs/runbooks/readiness.md#process',
    isExpected: true,
    run: async () => {
      if (sentence !== undefined) throw new NotReady(sentence);
    },
  };
  return {
    check,
    started: (): void => {
      sentence = undefined;
    },
    stopping: (): void => {
      sentence = 'The process is stopping; it finishes accepted requests and accepts no new ones.';
    },
  };
};

export type Phase = ReturnType<typeof createPhase>;
