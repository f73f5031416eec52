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
# Copy this file to .env and remove the # from a line to change it. Environment variables override the file.
# A start with an invalid setting fails and names the setting. Kept in step with libs/platform/config/table.ts by a test.
`;

const wrap = (text: string): string => text.replaceAll(/(.{1,113})(?: |$)/g, '# $1\n').trimEnd();
