import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { codeOf } from '../error-code';

/** Whether a process has this id now. One of another user counts. */
export const isAlive = (pid: number): boolean => {
  // 0 and below name groups of processes.
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
};

/**
 * When the process started, in a form that only its equals are compared with; undefined where the system does not
 * tell. Ids are used again, after a reboot soon: an id with its start time names one process for ever.
 */
export const startTimeOf = (pid: number): string | undefined => {
  try {
    if (process.platform === 'linux') {
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      return `${boot} ${statFields(pid)[19]}`;
    }
    if (process.platform === 'win32') return undefined;
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    return undefined;
  }
};

/**
 * The processes of a PostgreSQL server on this data directory (an absolute path without links): the one that its pid
 * file names, and on Linux also those that it had started and that may outlive it for a while.
 */
export const processesOf = (cluster: string, postmaster: number): number[] => {
  if (process.platform === 'linux') {
    // All of them work in the data directory, as the shell of somebody who looks around there does, too.
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => linkOf(`/proc/${pid}/cwd`) === cluster && isPostgres(pid) && isAlive(pid));
  }
  return isAlive(postmaster) && commandOf(postmaster).includes(cluster) ? [postmaster] : [];
};

const isPostgres = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'postgres';
  } catch {
    return false;
  }
};

const linkOf = (path: string): string | undefined => {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
};

const commandOf = (pid: number): string => {
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
};

/** From the third field of proc_pid_stat(5) on: what stands before it may itself hold blanks and parentheses. */
const statFields = (pid: number): string[] => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
};

const isZombie = (pid: number): boolean => {
  if (process.platform !== 'linux') return false;
  try {
    return statFields(pid)[0] === 'Z';
  } catch {
    return false;
  }
};
