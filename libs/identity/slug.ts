/** The short name of a tenant in links: `Müller & Söhne` is `muller-sohne`. 1..60 of a-z, 0-9 and single hyphens. */
export const slugOf = (name: string): string =>
  name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 60)
    .replaceAll(/^-+|-+$/g, '') || 'workspace';
