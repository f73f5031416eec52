/** What goes wrong with a request. `-after`: it happened, and its answer is never seen. */
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
  /** What the path begins with. */
  readonly path: string;
  readonly kind: FaultKind;
  /** How often. */
  readonly times: number;
}

export const createFaults = () => {
  let set: { fault: Fault; left: number }[] = [];
  return {
    add: (fault: Fault): void => {
      set.push({ fault, left: fault.times });
    },
    clear: (): void => {
      set = [];
    },
    /** The fault that this request meets. */
    meet: (method: string, path: string): FaultKind | undefined => {
      const met = set.find(({ fault, left }) => left > 0 && fault.method === method && path.startsWith(fault.path));
      if (!met) return undefined;
      met.left -= 1;
      return met.fault.kind;
    },
    get left(): readonly Fault[] {
      return set.filter(({ left }) => left > 0).map(({ fault, left }) => ({ ...fault, times: left }));
    },
  };
};

export type Faults = ReturnType<typeof createFaults>;
