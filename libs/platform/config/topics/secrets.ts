import { integer, key, optionalText } from '../kinds';

/** The settings of the topic "Secrets". */
export const SECRETS = {
  SECRET_KEY: key({
    description:
      'The key from which all other keys are derived: 32 bytes in base64, for example from `openssl rand -base64 32`. Every process needs the same key. Unset (and SECRET_KEY_FILE, too): a key is generated and stored in DATA_DIR.',
    example: 'c2VlIG9wZW5zc2wgcmFuZCAtYmFzZTY0IDMyIQAAAAA=',
  }),
  SECRET_KEY_FILE: optionalText({
    description:
      'A file that contains the secret key, for platforms that mount secrets as files. Do not set SECRET_KEY as well.',
    example: '/run/secrets/tenantry_key',
  }),
  ACCESS_TOKEN_TTL_SECONDS: integer(900, 60, 86_400, { description: 'Seconds for which an access token is valid.' }),
  REFRESH_TOKEN_TTL_DAYS: integer(30, 1, 365, {
    description: 'Days after which a session ends if its refresh token was not used.',
  }),
  PASSWORD_HASH_CONCURRENCY: integer(2, 1, 64, {
    description:
      'The number of passwords that this process hashes at the same time. Each needs 19 MiB of memory and one CPU core for about 30 ms.',
  }),
} as const;
