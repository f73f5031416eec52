/** How often a property or a kill loop is tried: few in `npm test`, as many as the environment asks for in `npm run test:long`. */
export const seeds = (short: number): number => Number(process.env['TEST_SEEDS'] ?? short);
export const kills = (short: number): number => Number(process.env['TEST_KILLS'] ?? short);
