#!/usr/bin/env node
// `npm run tenantry -- …` or `npx tenantry …`: runs the command line for operators. Builds it if the sources have
// changed.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildIfNeeded, root } from './build.mjs';

buildIfNeeded();
process.setSourceMapsEnabled(true);
await import(pathToFileURL(join(root, 'dist/apps/cli/main.js')).href);
