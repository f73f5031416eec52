import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { remember } from './started';

/** What a child process does once it is ready. */
type Work<Result> = () => Promise<Result>;

type Answer<Result> = { readonly ready: true } | { readonly result: Result } | { readonly error: string };

const next = async <Result>(child: ChildProcess): Promise<Answer<Result>> => {
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
  const answer = await next<Result>(child);
  if ('result' in answer) return answer.result;
  throw new Error('error' in answer ? answer.error : 'a child process was ready twice');
};

/** Starts a process for each input, lets all begin at once when all are ready, and ends them. */
export const inChildren = async <Input extends object, Result>(
  script: 'appender' | 'cannon' | 'rebuilder',
  inputs: readonly Input[],
): Promise<Result[]> => {
  const children = inputs.map(() => remember(fork(join(__dirname, 'children', script))));
  try {
    await Promise.all(
      children.map(async (child, at) => {
        child.send(inputs[at] ?? {});
        const answer = await next(child);
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

/** Starts one that continues after its work's first result: a server. */
export const startChild = async <Input extends object, Result>(
  script: 'bare-app',
  input: Input,
): Promise<{ readonly result: Result; stop(): void }> => {
  const child = remember(fork(join(__dirname, 'children', script)));
  const told = next<Result>(child);
  child.send(input);
  const answer = await told;
  if ('error' in answer) throw new Error(answer.error);
  const result = resultOf<Result>(child);
  child.send('go');
  return { result: await result, stop: () => void child.kill() };
};

/** The child's side: `prepare` gets the input and answers with the work to do. */
export const asChild = <Input, Result>(prepare: (input: Input) => Promise<Work<Result>>): void => {
  const tell = (answer: Answer<Result>): void => {
    process.send?.(answer);
  };
  const main = async (): Promise<void> => {
    const [input] = (await once(process, 'message')) as [Input];
    const work = await prepare(input);
    const told = once(process, 'message');
    tell({ ready: true });
    await told;
    tell({ result: await work() });
  };
  process.once('disconnect', () => process.exit());
  main().catch((error: unknown) =>
    tell({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
};
