// Every text exists in every language, with the same parameters; every text that the page asks for exists, and none
// is left over.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { en } from '../src/i18n/en';
import { fr } from '../src/i18n/fr';
import { ko } from '../src/i18n/ko';

const tables: Record<string, Record<string, string>> = { en, fr, ko };
const parameters = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

for (const [name, table] of Object.entries(tables)) {
  test(`${name} has every text and no other`, () => {
    assert.deepEqual(Object.keys(table).sort(), Object.keys(en).sort());
  });

  test(`${name} has no empty text and keeps the parameters`, () => {
    for (const [key, text] of Object.entries(table)) {
      assert.ok(text.trim().length > 0, key);
      assert.deepEqual(parameters(text), parameters(tables.en[key]), key);
    }
  });
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'i18n' ? [] : sources(path);
    return /\.(ts|svelte)$/.test(entry.name) ? [readFileSync(path, 'utf8')] : [];
  });
}

test('every text is used', () => {
  const code = sources('src').join('\n');
  // Asked for by a key that is put together at run time.
  const by_name = ['control.', 'option.', 'state.', 'cameras.count_', 'snapshots.saved_'];
  const unused = Object.keys(en).filter((key) => !code.includes(`'${key}'`) && !by_name.some((start) => key.startsWith(start)));
  assert.deepEqual(unused, []);
});

test('components hold no words of their own', () => {
  // Text between tags that is neither markup nor an expression: letters there would stay untranslated.
  for (const code of sources('src/view')) {
    const markup = code.replace(/<script[\s\S]*?<\/script>/g, '').replace(/<style[\s\S]*?<\/style>/g, '').replace(/<!--[\s\S]*?-->/g, '');
    if (!code.includes('<script')) continue;
    const words = [...markup.matchAll(/>([^<>{}]*\p{L}{2,}[^<>{}]*)</gu)].map((match) => match[1].trim()).filter((text) => text !== 'Camweave');
    assert.deepEqual(words, []);
  }
});
