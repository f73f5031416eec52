import { batchFailure, isConnectionUsable } from './failures';

const failed = (code?: string): Error => Object.assign(new Error('failed'), { code });

describe('an error of a batch', () => {
  it.each([
    ['22003', 'poisoned', true],
    ['23514', 'poisoned', true],
    ['40P01', 'rolled-back', true],
    ['53100', 'rolled-back', true],
    ['57014', 'rolled-back', true],
    ['57P01', 'unknown', false],
    ['08006', 'unknown', false],
    ['ECONNRESET', 'unknown', false],
    ['ETIMEDOUT', 'unknown', false],
    ['EPIPE', 'unknown', false],
    [undefined, 'unknown', false],
  ])('with the code %s means that the batch is %s; the connection is usable: %s', (code, outcome, usable) => {
    expect(batchFailure(failed(code)).outcome).toBe(outcome);
    expect(isConnectionUsable(failed(code))).toBe(usable);
  });
});
