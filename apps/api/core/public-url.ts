import { tokenClass } from '#platform/token-class';

/** Where clients reach the API, without a slash at the end; asked for when a link is made. */
export abstract class PublicUrl extends tokenClass<() => string>() {}

/** Where the API is reached, as far as that is known before it listens: PORT=0 leaves it open until then. */
export const createPublicUrl = (configured: string | undefined) => {
  let listening: string | undefined;
  const publicUrl: PublicUrl = () => {
    const url = configured ?? listening;
    if (url === undefined) throw new Error('a link was asked for before the API listens');
    return url;
  };
  return {
    publicUrl,
    /** @param url as the banner prints it */
    listensAt: (url: string): void => {
      listening = url;
    },
  };
};

/**
 * Pages of Stripe's may lead back to the product's own applications, and nowhere else.
 * @param own the origins that are configured for it; those of the API and of its applications where there are none
 */
export const returnOriginsOf = (
  own: readonly string[],
  corsOrigins: readonly string[],
  publicUrl: PublicUrl,
): (() => readonly string[]) => {
  if (own.length > 0) return () => own;
  return () => [...namesOf(publicUrl()), ...corsOrigins];
};

/** Anyone who tries it on their own machine calls it by either name. */
const namesOf = (url: string): readonly string[] => {
  const { origin, hostname, port } = new URL(url);
  if (hostname !== '127.0.0.1' && hostname !== 'localhost') return [origin];
  return ['127.0.0.1', 'localhost'].map((it) => new URL(`${new URL(url).protocol}//${it}:${port}`).origin);
};
