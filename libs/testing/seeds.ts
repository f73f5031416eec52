/** How often a property or a kill loop is tried: few in `npm test`, as many as the environment asks for in `npm run test:long`. */
export const seeds = (short: number): number => Number(process.env['TEST_SEEDS'] ?? short);
export const kills = (short: number): number => Number(process.env['TEST_KILLS'] ?? short);
/** The same for a scenario whose rounds take long: one round for so many kills that the environment asks for. */
export const rounds = (short: number, killsPerRound: number): number => {
  const asked = process.env['TEST_KILLS'];
  return asked === undefined ? short : Math.max(short, Math.round(Number(asked) / killsPerRound));
};
