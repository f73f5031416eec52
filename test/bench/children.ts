import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { remember } from './started';

/** The measured work of a child process, which begins when all are ready. */
type Work<Result> = () => Promise<Result>;

type Answer<Result> = { readonly ready: true } | { readonly result: Result } | { readonly error: string };

/** The next message of the child, or an error if it ends. */
const nextAnswer = async <Result>(child: ChildProcess): Promise<Answer<Result>> => {
  const ended = new AbortController();
  try {
    return await Promise.race([
      once(child, 'message', ended).then(([answer]) => answer as Answer<Result>),
      once(child, 'exit', ended).then(([code]) => ({ error: `a child process ended with ${code}` })),
    ]);
  } finally {
    ended.abort();
  }
};

const resultOf = async <Result>(child: ChildProcess): Promise<Result> => {
  const answer = await nextAnswer<Result>(child);
  if ('result' in answer) return answer.result;
  throw new Error('error' in answer ? answer.error : 'a child process reported twice that it is ready');
};

/**
 * Starts a process for each input, and lets all of them begin when all are ready. Returns their results and ends them.
 */
export const inChildren = async <Input extends object, Result>(
  script: 'appender' | 'cannon' | 'rebuilder',
  inputs: readonly Input[],
): Promise<Result[]> => {
  const children = inputs.map(() => remember(fork(join(__dirname, 'children', script))));
  try {
    await Promise.all(
      children.map(async (child, at) => {
        child.send(inputs[at] ?? {});
        const answer = await nextAnswer(child);
        if ('error' in answer) throw new Error(answer.error);
      }),
    );
    const results = children.map((child) => resultOf<Result>(child));
    for (const child of children) child.send('go');
    return await Promise.all(results);
  } finally {
    for (const child of children) child.kill();
  }
};

/** Starts a process that continues after its result, for example a server. */
export const startChild = async <Input extends object, Result>(
  script: 'bare-app',
  input: Input,
): Promise<{ readonly result: Result; stop(): void }> => {
  const child = remember(fork(join(__dirname, 'children', script)));
  const ready = nextAnswer<Result>(child);
  child.send(input);
  const answer = await ready;
  if ('error' in answer) throw new Error(answer.error);
  const result = resultOf<Result>(child);
  child.send('go');
  return { result: await result, stop: () => void child.kill() };
};

/** Runs in the child process. `prepare` receives the input and returns the work to do. */
export const asChild = <Input, Result>(prepare: (input: Input) => Promise<Work<Result>>): void => {
  const send = (answer: Answer<Result>): void => {
    process.send?.(answer);
  };
  const main = async (): Promise<void> => {
    const [input] = (await once(process, 'message')) as [Input];
    const work = await prepare(input);
    const go = once(process, 'message');
    send({ ready: true });
    await go;
    send({ result: await work() });
  };
  process.once('disconnect', () => process.exit());
  main().catch((error: unknown) =>
    send({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
};
