import { tokenClass } from '#platform/token-class';

/** Returns the URL at which clients reach the API, without a slash at the end. It is called when a link is created. */
export abstract class PublicUrl extends tokenClass<() => string>() {}

/**
 * Creates the {@link PublicUrl}. Without a configured URL, it is known only after the API listens, because PORT=0
 * chooses a random port. Until then, {@link PublicUrl} throws an Error.
 * @param configured the setting PUBLIC_URL
 */
export const createPublicUrl = (configured: string | undefined) => {
  let listening: string | undefined;
  const publicUrl: PublicUrl = () => {
    const url = configured ?? listening;
    if (url === undefined) throw new Error('a link was created before the API listens; set PUBLIC_URL');
    return url;
  };
  return {
    publicUrl,
    /** Sets the URL at which the API listens. */
    listensAt: (url: string): void => {
      listening = url;
    },
  };
};

/**
 * The origins to which pages of Stripe may redirect.
 * @param configured the only allowed origins; if there are none, the origins of the API and of its applications are
 * allowed
 */
export const returnOriginsOf = (
  configured: readonly string[],
  corsOrigins: readonly string[],
  publicUrl: PublicUrl,
): (() => readonly string[]) => {
  if (configured.length > 0) return () => configured;
  return () => [...originsOf(publicUrl()), ...corsOrigins];
};

/** The origin of a URL; both names of a local one, because a browser on the same machine can use either. */
const originsOf = (url: string): readonly string[] => {
  const { origin, hostname, port } = new URL(url);
  if (hostname !== '127.0.0.1' && hostname !== 'localhost') return [origin];
  return ['127.0.0.1', 'localhost'].map((it) => new URL(`${new URL(url).protocol}//${it}:${port}`).origin);
};
