/** The number of runs of a property: `short` in `npm test`; `npm run test:long` sets more by `TEST_SEEDS`. */
export const seeds = (short: number): number => Number(process.env['TEST_SEEDS'] ?? short);
/** The number of kills in a kill loop: `short` in `npm test`; `npm run test:long` sets more by `TEST_KILLS`. */
export const kills = (short: number): number => Number(process.env['TEST_KILLS'] ?? short);
/** The number of rounds of a scenario with long rounds: one round for each `killsPerRound` of `TEST_KILLS`. */
export const rounds = (short: number, killsPerRound: number): number => {
  const wantedKills = process.env['TEST_KILLS'];
  return wantedKills === undefined ? short : Math.max(short, Math.round(Number(wantedKills) / killsPerRound));
};
