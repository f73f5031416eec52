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

const HEAD = `# Every setting, with its default. None is needed: \`npm ci && npm start\` runs with all of them unset.
# Copy this file to .env and take the # away from what you want to change; the environment wins over the file.
# A setting that can't be used is named at start. Kept in step with libs/platform/config/table.ts by a test.
`;

const wrap = (text: string): string => text.replaceAll(/(.{1,113})(?: |$)/g, '# $1\n').trimEnd();
