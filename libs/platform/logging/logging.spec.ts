import { createLogger, redact } from './logging';

const lines = (format: 'json' | 'pretty'): { log: ReturnType<typeof createLogger>; printed: string[] } => {
  const printed: string[] = [];
  return { log: createLogger({ level: 'info', format, write: (line) => printed.push(line) }), printed };
};

describe.each(['json', 'pretty'] as const)('a %s log line', (format) => {
  it('shows no secret, at any depth of the fields and from any source', () => {
    const { log, printed } = lines(format);
    log.info(
      {
        req: { headers: { authorization: 'Bearer hidden.hidden.hidden', cookie: ['a=hidden', 'b=hidden'] } },
        body: { user: { password: 'hid"den', refreshToken: 'hidden', email: 'kept' } },
        err: new Error('cannot reach postgres://owner:hidden@db/x'),
      },
      'GET /v1/invitations/preview/hidden with Bearer hiddenhiddenhidden kept',
    );
    expect(printed.join('')).not.toMatch(/hid/);
    expect(printed.join('').match(/kept/g)).toHaveLength(2);
  });

  it('is one line for a plain message', () => {
    const { log, printed } = lines(format);
    log.info({ count: 3 }, 'it worked');
    log.debug('not shown');
    expect(printed).toHaveLength(1);
    expect(printed[0]).toMatch(/it worked[^\n]*\n$/);
    expect(printed[0]).toContain('3');
  });
});

describe('redact', () => {
  it('takes time in proportion to the length of the line', () => {
    const line = `"${'a.b-c://'.repeat(30_000)} Bearer ${'x'.repeat(100_000)}"`;
    const began = performance.now();
    redact(line);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});
