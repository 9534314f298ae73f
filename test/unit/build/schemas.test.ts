/** The JSON Schemas of saved files: written by `npm run manifest`, and of one mind with what reads the files. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { jsonValidation, schemaTexts } from '../../../build/schemas.mjs';

const root = join(__dirname, '../../..');
const fixtures = join(root, 'test/fixtures/results');

const parsed = (path: string): Record<string, unknown> => JSON.parse(readFileSync(path, 'utf8')) as never;

const validators = jsonValidation.map(({ fileMatch, url }) => {
  const ajv = new Ajv({ strict: false });
  return { suffix: fileMatch.slice(1), ajv, validate: ajv.compile(parsed(join(root, url))) };
});

const validatorOf = (file: string) => {
  const found = validators.find(({ suffix }) => file.endsWith(suffix));
  assert.ok(found, `no schema is for ${file}`);
  return found;
};

describe('schemas of saved files', () => {
  it('are those that npm run manifest writes', async () => {
    const texts = await schemaTexts();
    assert.deepEqual(
      readdirSync(join(root, 'schemas')).sort(),
      Object.keys(texts)
        .map((file) => file.replace('schemas/', ''))
        .sort(),
    );
    for (const [file, text] of Object.entries(texts))
      assert.equal(readFileSync(join(root, file), 'utf8'), text, `${file}: npm run manifest`);
  });

  for (const file of readdirSync(fixtures)) {
    it(`take ${file}, and refuse it broken`, () => {
      const { ajv, validate } = validatorOf(file);
      const saved = parsed(join(fixtures, file));
      assert.ok(validate(saved), ajv.errorsText(validate.errors));
      assert.ok(!validate({ ...saved, kind: 'headscope-other' }), 'another kind');
      const { kind: _kind, ...without } = saved;
      assert.ok(!validate(without), 'no kind');
    });
  }

  it('look into the parts of a file', () => {
    const { validate } = validatorOf('razor.headscope-plan.json');
    const plan = parsed(join(fixtures, 'razor.headscope-plan.json'));
    const withHead = (head: unknown) => ({ ...plan, heads: [[head]] });
    assert.ok(validate(withHead({ kind: 'recent', sinks: 4, recent: 64 })));
    assert.ok(!validate(withHead({ kind: 'recent', sinks: -4, recent: 64 })), 'sinks below 0');
    assert.ok(!validate(withHead({ kind: 'recent', sinks: 4 })), 'no recents');
    assert.ok(!validate(withHead({ kind: 'forgotten' })), 'another kind');
    const interventions = validatorOf('a.headscope-intervention.json').validate;
    const file = {
      kind: 'headscope-intervention',
      version: 2,
      interventions: [{ kind: 'gain', layer: 0, head: 1, gain: 0 }],
    };
    assert.ok(interventions(file));
    assert.ok(!interventions({ ...file, interventions: [{ kind: 'gain', layer: 0, head: 1, gain: 'off' }] }));
    assert.ok(!interventions({ ...file, interventions: [{ kind: 'unheard', layer: 0 }] }));
  });
});
