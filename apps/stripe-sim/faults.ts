/**
 * Faults of the API. `-before`: the request is not executed; `-after`: it is executed, and the answer is lost.
 */
export const FAULTS = [
  'answer-500',
  'rate-limit-429',
  'reset-before',
  'hang-before',
  'reset-after',
  'hang-after',
] as const;
export type FaultKind = (typeof FAULTS)[number];

export interface Fault {
  readonly method: string;
  /** The fault affects paths that begin with this text. */
  readonly path: string;
  readonly kind: FaultKind;
  /** Number of requests that the fault affects. */
  readonly times: number;
}

export const createFaults = () => {
  let active: { fault: Fault; left: number }[] = [];
  return {
    add: (fault: Fault): void => {
      active.push({ fault, left: fault.times });
    },
    clear: (): void => {
      active = [];
    },
    /** The fault that applies to a request, and counts it; undefined: none applies. */
    use: (method: string, path: string): FaultKind | undefined => {
      const found = active.find(
        ({ fault, left }) => left > 0 && fault.method === method && path.startsWith(fault.path),
      );
      if (!found) return undefined;
      found.left -= 1;
      return found.fault.kind;
    },
    /** The faults that still affect requests, with the remaining number of requests. */
    get left(): readonly Fault[] {
      return active.filter(({ left }) => left > 0).map(({ fault, left }) => ({ ...fault, times: left }));
    },
  };
};

export type Faults = ReturnType<typeof createFaults>;
