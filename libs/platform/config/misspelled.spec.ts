import { misspelledSettings } from './misspelled';
import { loadSettings, SettingsError } from './settings';
import { TABLE } from './table';

describe('misspelled settings', () => {
  it.each([
    ['DATABSE_URL', 'DATABASE_URL'],
    ['DATABASE_URLS', 'DATABASE_URL'],
    ['SECRETKEY', 'SECRET_KEY'],
    ['stripe_secret_key', 'STRIPE_SECRET_KEY'],
    ['TENANT_RETENTION_DAY', 'TENANT_RETENTION_DAYS'],
  ])('are named, with the one that was meant: %s', (name, meant) =>
    expect(misspelledSettings({ [name]: 'x' })).toEqual([
      `${name} is not a setting and has no effect: did you mean ${meant}?`,
    ]),
  );

  it('are not found among the settings themselves, and in what a shell or a container usually sets', () => {
    const usual = [
      'PATH',
      'HOME',
      'HOSTNAME',
      'SHELL',
      'USER',
      'PWD',
      'LANG',
      'TERM',
      'npm_config_port',
      'PGHOST',
      'PGPORT',
    ];
    const names = [...Object.keys(TABLE), ...usual, 'NODE_OPTIONS', 'NODE_VERSION', 'LOGNAME', 'PORTS', 'COLORTERM'];
    expect(misspelledSettings(Object.fromEntries(names.map((name) => [name, 'x'])))).toEqual([]);
  });

  it('are named in the error about a setting that is missing because of them', () => {
    const environment = { ROLE: 'api', DATABSE_URL: 'postgres://db.example/tenantry' };
    const load = () => loadSettings(environment, misspelledSettings(environment));
    expect(load).toThrow(SettingsError);
    expect(load).toThrow(/DATABASE_URL is required[\s\S]*DATABSE_URL is not a setting/);
  });
});
