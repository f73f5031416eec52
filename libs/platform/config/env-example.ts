import { TOPICS } from './table';

/** The text of `.env.example`. */
export const renderEnvExample = (): string => {
  const topics = Object.entries(TOPICS).map(([topic, settings]) => {
    const lines = Object.entries(settings).map(([name, it]) => {
      const example = it.example === it.defaultText ? '' : `\n# for example ${name}=${it.example}`;
      return `${wrap(it.description)}${example}\n# ${name}=${it.defaultText}\n`;
    });
    return `# --- ${topic} ---\n\n${lines.join('\n')}`;
  });
  return `${HEAD}\n${topics.join('\n')}`;
};

const HEAD = `# Every setting, with its default. All are optional: \`npm ci && npm start\` runs with all of them unset.
# To change a setting, copy this file to .env and remove the # in front of its line. Environment variables override .env.
# With an invalid setting the start fails and names the setting. A test keeps this file equal to libs/platform/config/table.ts.
`;

const wrap = (text: string): string => text.replaceAll(/(.{1,113})(?: |$)/g, '# $1\n').trimEnd();
