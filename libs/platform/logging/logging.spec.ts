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
  it.each(['x'.repeat(43), `tnt_${'y'.repeat(40)}`, `${'z'.repeat(40)}.${'z'.repeat(80)}.${'z'.repeat(43)}`])(
    'hides a token in any path: %s',
    (token) => {
      for (const path of [`/v1/invitations/${token}`, `/v1/${token}/x`, `/${token}?y=1`])
        expect(redact(`{"route":"${path}"}`)).not.toContain(token.slice(0, 20));
    },
  );

  it('keeps ids and the templates of paths', () => {
    for (const kept of ['/v1/tasks/0198c0de-0000-7000-8000-000000000001', '/v1/projects/:id/tasks', '/a/b.ts:12:34'])
      expect(redact(`"${kept}"`)).toBe(`"${kept}"`);
  });

  it('takes time in proportion to the length of the line', () => {
    const line = `"${'a.b-c://'.repeat(30_000)} Bearer ${'x'.repeat(100_000)}"`;
    const began = performance.now();
    redact(line);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});
