import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { codeOf } from '../error-code';

/** Whether a process with this id is running, also one of another user. */
export const isAlive = (pid: number): boolean => {
  // 0 and negative numbers name groups of processes.
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
};

/**
 * The start time of a process, as a text that can only be compared for equality; undefined if the system does not
 * report it. Process ids are used again, after a reboot even soon, but an id with its start time never names another
 * process.
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
 * The ids of the running processes of a PostgreSQL server.
 * @param cluster the server's folder, an absolute path without links
 * @param postmaster the process id in its pid file. On Linux, the server's child processes are found as well, which may
 *   outlive it for a while
 */
export const processesOf = (cluster: string, postmaster: number): number[] => {
  if (process.platform === 'linux') {
    // All of them have the cluster as their working directory. A shell may have it, too, so the program is checked as
    // well.
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

/** The fields of proc_pid_stat(5) from the third on. The second field may contain blanks and parentheses. */
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
