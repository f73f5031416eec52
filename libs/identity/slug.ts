/**
 * The short name of a tenant in links: the slug of `Müller & Söhne` is `muller-sohne`. 1 to 60 characters: a-z, 0-9 and
 * single hyphens between them. It is `workspace` for names without such characters.
 */
export const slugOf = (name: string): string =>
  name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 60)
    .replaceAll(/^-+|-+$/g, '') || 'workspace';
