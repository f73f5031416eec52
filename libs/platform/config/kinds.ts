import { isIP } from 'node:net';

/** One setting: how its text is parsed, and how the documentation describes it. */
export interface Setting<T> {
  /** @throws Problem that says what is wrong; it never contains the value of a setting that may hold a secret */
  readonly parse: (text: string) => T;
  readonly default: T;
  /** The default as `.env.example` shows it. */
  readonly defaultText: string;
  readonly description: string;
  readonly example: string;
  /** Never printed. `url`: printed without its credentials. */
  readonly secret: boolean | 'url';
}

/** The value is not valid. The message completes a sentence that begins with the setting's name: "must be …". */
export class Problem extends Error {}

interface Described {
  readonly description: string;
  readonly example?: string;
}

const setting = <T>(
  parse: (text: string) => T,
  fallback: T,
  defaultText: string,
  { description, example = defaultText }: Described,
  secret: boolean | 'url' = false,
): Setting<T> => ({ parse, default: fallback, defaultText, description, example, secret });

/** A whole number from `min` to `max`, both included. */
export const integer = (fallback: number, min: number, max: number, described: Described): Setting<number> =>
  setting(
    (text) => {
      const value = Number(text);
      if (/^[+-]?\d+$/.test(text) && value >= min && value <= max) return value;
      throw new Problem(`must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
    },
    fallback,
    String(fallback),
    described,
  );

export const oneOf = <const T extends string>(values: readonly T[], fallback: T, described: Described): Setting<T> =>
  setting(
    (text) => {
      const value = values.find((it) => it === text);
      if (value !== undefined) return value;
      throw new Problem(`must be one of ${values.join(', ')}, not ${JSON.stringify(text)}`);
    },
    fallback,
    fallback,
    described,
  );

export const flag = (fallback: boolean, described: Described): Setting<boolean> =>
  setting(
    (text) => {
      if (/^(true|on|yes|1)$/i.test(text)) return true;
      if (/^(false|off|no|0)$/i.test(text)) return false;
      throw new Problem(`must be true or false, not ${JSON.stringify(text)}`);
    },
    fallback,
    String(fallback),
    described,
  );

/** Any text that `pattern` matches. `rule` describes the pattern in words, to complete the sentence "must be …". */
export const text = (fallback: string, pattern: RegExp, rule: string, described: Described): Setting<string> =>
  setting(
    (value) => {
      if (pattern.test(value)) return value;
      throw new Problem(`must be ${rule}, not ${JSON.stringify(value)}`);
    },
    fallback,
    fallback,
    described,
  );

export const optionalText = (described: Described & { example: string }): Setting<string | undefined> =>
  setting<string | undefined>((value) => value, undefined, '', described);

/** A secret. Errors contain only `rule`, never the value. */
export const secretText = (
  pattern: RegExp,
  rule: string,
  described: Described & { example: string },
): Setting<string | undefined> =>
  setting<string | undefined>(
    (value) => {
      if (pattern.test(value)) return value;
      throw new Problem(`must be ${rule}`);
    },
    undefined,
    '',
    described,
    true,
  );

/** Several secrets, separated by commas. */
export const secretTexts = (
  pattern: RegExp,
  rule: string,
  described: Described & { example: string },
): Setting<readonly string[]> =>
  setting<readonly string[]>(
    (value) => {
      const items = list(value);
      if (items.length > 0 && items.every((item) => pattern.test(item))) return items;
      throw new Problem(`must be ${rule}, separated by commas`);
    },
    [],
    '',
    described,
    true,
  );

/** The URL of a service. It may contain a password, so errors never repeat it. */
export const serviceUrl = (
  schemes: readonly string[],
  described: Described & { example: string },
): Setting<string | undefined> =>
  setting<string | undefined>(
    (value) => {
      const [scheme, rest] = value.split('://', 2);
      if (rest && schemes.includes(scheme ?? '') && isUrl(value)) return value;
      throw new Problem(`must be a URL that begins with ${schemes.map((it) => `${it}://`).join(' or ')}`);
    },
    undefined,
    '',
    described,
    'url',
  );

/**
 * A URL of EventStoreDB may list several nodes, separated by commas, which `URL` refuses: only the first is checked.
 */
const isUrl = (value: string): boolean => URL.canParse(value.replace(/,[^/?#]*/, ''));

/** The URL under which clients reach a service: scheme, host and an optional path. */
export const publicUrl = (described: Described & { example: string }): Setting<string | undefined> =>
  setting<string | undefined>(
    (value) => {
      const url = URL.canParse(value) ? new URL(value) : undefined;
      const plain = url && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash;
      if (plain) return url.href.replace(/\/$/, '');
      throw new Problem(`must be an http or https URL without user, query or fragment, not ${JSON.stringify(value)}`);
    },
    undefined,
    '',
    described,
  );

/** Origins, separated by commas. */
export const origins = (described: Described & { example: string }): Setting<readonly string[]> =>
  setting<readonly string[]>(
    (value) =>
      list(value).map((item) => {
        if (URL.canParse(item) && /^https?:$/.test(new URL(item).protocol) && new URL(item).origin === item)
          return item;
        throw new Problem(`must be origins separated by commas; ${JSON.stringify(item)} is not an origin`);
      }),
    [],
    '',
    described,
  );

/** `name=value`, separated by commas. */
export const pairs = (described: Described & { example: string }): Setting<Readonly<Record<string, string>>> =>
  setting<Readonly<Record<string, string>>>(
    (value) =>
      Object.fromEntries(
        list(value).map((item) => {
          const [, name, text] = /^([\w.-]+)=([\w.-]+)$/.exec(item) ?? [];
          if (name === undefined || text === undefined)
            throw new Problem(
              `must be name=value pairs separated by commas; ${JSON.stringify(item)} is not such a pair`,
            );
          return [name, text];
        }),
      ),
    {},
    '',
    described,
  );

/** 32 bytes in base64 or base64url. */
export const key = (described: Described & { example: string }): Setting<Buffer | undefined> =>
  setting<Buffer | undefined>(parseKey, undefined, '', described, true);

export const parseKey = (value: string): Buffer => {
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length === 32 && /^[A-Za-z0-9+/_-]{43}=?$/.test(value)) return bytes;
  throw new Problem('must be exactly 32 bytes in base64 (44 characters)');
};

/**
 * The proxies whose `X-Forwarded-For` header is trusted. `true` is refused: with it, a client could choose the address
 * under which its requests are counted for the rate limit. A number of hops above 32 means 32.
 */
export const proxies = (described: Described & { example: string }): Setting<false | number | readonly string[]> =>
  setting<false | number | readonly string[]>(
    (value) => {
      if (/^(false|off|no)$/i.test(value)) return false;
      if (/^\d+$/.test(value)) return Number(value) === 0 ? false : Math.min(Number(value), 32);
      return list(value).map((item) => {
        if (/^(loopback|linklocal|uniquelocal)$/.test(item) || isAddressRange(item)) return item;
        throw new Problem(
          `must be false, a number of proxies, or addresses separated by commas; ${JSON.stringify(item)} is not an address`,
        );
      });
    },
    false,
    'false',
    described,
  );

const isAddressRange = (item: string): boolean => {
  const [address, bits, more] = item.split('/');
  const version = isIP(address ?? '');
  if (version === 0 || more !== undefined) return false;
  return bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
};

const list = (value: string): string[] =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
