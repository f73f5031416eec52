import { misspelledSettings } from '#platform/config/misspelled';
import { loadSettings, readEnvironment } from '#platform/config/settings';
import { migrate } from '#platform/database/migrations/migrate';
import { deriveRolePasswords } from '#platform/database/roles/roles';
import { isConnectionRefused } from '#platform/error-code';
import { createLogger, redact } from '#platform/logging/logging';
import type { Context } from '../bootstrap/context';
import { openRuntime, type Runtime } from '../bootstrap/runtime';
import { MIGRATIONS, RETIRED, SUPPLEMENTS } from '../migrations';
import { agree, listInbox, reconcile, release, settleEvent, showEvent } from './billing';
import { connect } from './connect';
import { poolerUsers } from './database';
import { listKeys, revokeKey, rotateKeys } from './keys';
import { type OperatorOptions, recordActions, takeOperatorOptions } from './operator-session';
import { addOperator, listOperators, operatorToken, removeOperator } from './operators';
import { listParked, listProjections, listSkipped, resumeParked, setProjectionState } from './projections';
import { listReactions, settleParkedEvent } from './reactions';
import { listRebuilds, rebuildProjection } from './rebuilds';
import { resetProjections, resetReaction } from './resets';
import { USAGE, UsageError } from './usage';

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const migrateDatabase = async ({ settings, secretKey, databaseUrls }: Context): Promise<string> => {
  const { applied } = await migrate(databaseUrls.owner, {
    rolePrefix: settings.databaseRolePrefix,
    rolePasswords: deriveRolePasswords(databaseUrls.owner, secretKey, settings.databaseRolePrefix),
    migrations: MIGRATIONS,
    retired: RETIRED,
    supplements: SUPPLEMENTS,
  });
  return applied.length > 0 ? `applied ${applied.join(', ')}` : 'the database is up to date';
};

const withRuntime = async (context: Context, work: (runtime: Runtime) => Promise<string>): Promise<string> => {
  const runtime = await openRuntime(context, { serves: false });
  try {
    return await work(runtime);
  } finally {
    await runtime.close();
  }
};

const runCommand = (context: Context, options: OperatorOptions): Promise<string> => {
  const [topic, action, ...rest] = options.words;
  const record = recordActions(context, options);
  switch (`${topic} ${action ?? ''}`.trim()) {
    case 'migrate':
      return migrateDatabase(context);
    case 'projections':
      return withRuntime(context, async ({ projectorPool, log }) =>
        [await listProjections(projectorPool, log), await listRebuilds(projectorPool)].filter(Boolean).join('\n\n'),
      );
    case 'projections rebuild':
      return withRuntime(context, ({ projectorPool }) => rebuildProjection(projectorPool, rest[0], say, record));
    case 'projections reset':
      return withRuntime(context, ({ projectorPool, log }) => resetProjections(projectorPool, log, rest, record));
    case 'projections pause':
    case 'projections resume':
      return withRuntime(context, ({ projectorPool }) =>
        setProjectionState(projectorPool, rest[0], action === 'pause' ? 'paused' : 'running', record),
      );
    case 'database users':
      return Promise.resolve(poolerUsers(context));
    case 'operators':
    case 'operators list':
      return listOperators(context);
    case 'operators add':
      return addOperator(context, { ...options, words: rest });
    case 'operators remove':
      return removeOperator(context, { ...options, words: rest });
    case 'operators token':
      return operatorToken(context, { ...options, words: rest });
    case 'keys':
      return listKeys(context);
    case 'keys rotate':
      return rotateKeys(context, rest, record);
    case 'keys revoke':
      return revokeKey(context, rest, record);
    case 'parked':
      return withRuntime(context, ({ projectorPool }) => listParked(projectorPool));
    case 'parked skipped':
      return withRuntime(context, ({ projectorPool }) => listSkipped(projectorPool));
    case 'parked retry':
    case 'parked skip':
      return withRuntime(context, ({ projectorPool, log }) =>
        resumeParked(projectorPool, log, rest, action === 'skip', record),
      );
    case 'reactions':
      return withRuntime(context, ({ projectorPool, log }) => listReactions(projectorPool, log));
    case 'reactions reset':
      return withRuntime(context, ({ projectorPool, log }) => resetReaction(projectorPool, log, rest, record));
    case 'reactions retry':
    case 'reactions skip':
      return withRuntime(context, ({ projectorPool, log }) =>
        settleParkedEvent(projectorPool, log, rest, action === 'skip', record),
      );
    case 'billing inbox':
      return withRuntime(context, (runtime) => listInbox(runtime, rest[0]));
    case 'billing show':
      return withRuntime(context, (runtime) => showEvent(runtime, rest[0]));
    case 'billing retry':
    case 'billing skip':
      return withRuntime(context, (runtime) => settleEvent(runtime, rest[0], action === 'skip', record));
    case 'billing reconcile':
      return withRuntime(context, (runtime) => reconcile(runtime, rest, record));
    case 'plans release':
      return withRuntime(context, (runtime) => release(runtime, rest, record));
    case 'plans agree':
      return withRuntime(context, (runtime) => agree(runtime, rest, record));
    default:
      throw new UsageError(`there is no command "${[topic, action].filter(Boolean).join(' ')}"\n\n${USAGE}`);
  }
};

const explained = (error: unknown): string => {
  if (isConnectionRefused(error))
    return 'the database does not answer; check that Tenantry is running, or set DATABASE_URL';
  return redact(error instanceof Error ? error.message : String(error));
};

const main = async (): Promise<void> => {
  const words = process.argv.slice(2);
  if (words.length === 0 || words.includes('--help') || words[0] === 'help') return say(USAGE.trimEnd());
  const options = takeOperatorOptions(words);
  const environment = readEnvironment(process.cwd());
  const misspelled = misspelledSettings(environment);
  const settings = loadSettings(environment, misspelled);
  for (const sentence of misspelled) process.stderr.write(`tenantry: ${sentence}\n`);
  const context = await connect(settings, createLogger({ level: 'warn', format: settings.logFormat }));
  say(await runCommand(context, options));
};

main().catch((error: unknown) => {
  process.stderr.write(`tenantry: ${explained(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
