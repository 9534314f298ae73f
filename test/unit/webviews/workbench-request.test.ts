/** The request of the workbench without a page: undo, what makes a tab stale, pairs, the questions that fit. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import { whyNotFit } from '../../../protocol/analysis/fit';
import { firstQuestions, suggestions } from '../../../protocol/analysis/questions';
import { holds } from '../../../webviews/panels/workbench/ask';
import { readForm, toForm, type Form } from '../../../webviews/panels/workbench/form';
import { pairParts, pairWords } from '../../../webviews/panels/workbench/pair';
import { demoVisionPrompt } from '../../../protocol/inputs/demo-prompt';
import { filled } from '../../../webviews/panels/workbench/beside';
import { fewParameters } from '../../../webviews/panels/workbench/question';
import { differences, isAway, promptToRead, whyNotStart } from '../../../webviews/panels/workbench/shown';
import { receive } from '../../../webviews/panels/workbench/receive';
import { begun, initialState, type State } from '../../../webviews/panels/workbench/state';
import { nothingToUndo, recorded, redone, undone, type Undo } from '../../../webviews/panels/workbench/undo';
import { model, openMessage, pair, plan, result, retrieval, tabOf } from '../../browser/workbench/workbench-host';

const open = (change = {}): State => receive(initialState('full'), openMessage(change));
const form: Form = toForm(plan);

describe('undo of a request', () => {
  const typed = (text: string): Form => ({ ...form, input: { ...form.input, text } });
  /** Changes at these times, in milliseconds. */
  const after = (...changes: readonly (readonly [Form, number])[]): { undo: Undo; now: Form } => {
    let [undo, now] = [nothingToUndo, form];
    for (const [next, at] of changes) [undo, now] = [recorded(undo, now, next, at), next];
    return { undo, now };
  };

  it('takes a text that is typed in one go as one step, and a pause as two', () => {
    const { undo, now } = after([typed('T'), 0], [typed('Th'), 200], [typed('The'), 400], [typed('The cat'), 9000]);
    const first = undone(undo, now);
    assert.equal(first?.form.input.text, 'The');
    const second = first && undone(first.undo, first.form);
    assert.equal(second?.form.input.text, form.input.text);
    assert.equal(second && undone(second.undo, second.form), undefined);
    const again = second && redone(second.undo, second.form);
    assert.equal(again?.form.input.text, 'The');
  });

  it('leaves the question and its parameters alone, and forgets what was undone once something else is changed', () => {
    const { undo, now } = after([{ ...form, seed: '7' }, 0]);
    const asked = { ...now, analysis: 'path-patching', parameters: { mode: 'zero' } };
    assert.deepEqual(recorded(undo, now, asked, 10), undo, 'no step');
    const back = undone(undo, asked);
    assert.deepEqual(
      [back?.form.seed, back?.form.analysis, back?.form.parameters],
      ['0', 'path-patching', { mode: 'zero' }],
    );
    assert.ok(back);
    const other = recorded(back.undo, back.form, { ...back.form, folder: '/models/llama' }, 99);
    assert.equal(redone(other, back.form), undefined);
  });
});

describe('a tab of another request', () => {
  const shown = open({ result });
  const changed = (change: Partial<Form>): readonly string[] =>
    differences({ ...shown, form: { ...form, ...change } }, tabOf(result));

  it('names what differs, one by one', () => {
    assert.deepEqual(changed({}), []);
    assert.deepEqual(changed({ folder: '/models/llama' }), ['model']);
    assert.deepEqual(changed({ input: { ...form.input, samples: '12' } }), ['input']);
    assert.deepEqual(changed({ interventions: [] }), ['changes']);
    assert.deepEqual(changed({ seed: '3' }), ['seed']);
    assert.deepEqual(changed({ parameters: { threshold: '0.25' } }), ['parameters']);
    assert.deepEqual(changed({ parameters: { threshold: '0.50' } }), [], 'the same number');
    assert.deepEqual(changed({ seed: '3', folder: '/models/llama' }), ['model', 'seed']);
    const onOther = { setup: { ...tabOf(result).setup, device: 'webgpu' } };
    assert.deepEqual(differences({ ...shown, form }, onOther), ['device']);
    const adapted = { setup: { ...tabOf(result).setup, adapter: '/models/mine' } };
    assert.deepEqual(differences({ ...shown, form }, adapted), ['model']);
    assert.deepEqual(differences({ ...shown, form: toForm(adapted.setup) }, adapted), []);
    assert.deepEqual(differences({ ...shown, form: { ...toForm(adapted.setup), adapter: '' } }, adapted), ['model']);
  });

  it('names other weights, unless they are held alike or the question takes exact ones', () => {
    assert.deepEqual(changed({ weights: 'q8' }), ['weights']);
    assert.deepEqual(changed({ weights: 'float32' }), [], 'exact as the stored ones');
    assert.deepEqual(changed({ weights: 'float16' }), [], 'the CPU takes float32');
    const inEight = { setup: { ...tabOf(result).setup, weights: 'q8' as const } };
    assert.deepEqual(differences({ ...shown, form }, inEight), ['weights']);
    const [first, ...others] = shown.analyses;
    assert.ok(first);
    const analyses = [{ ...first, exactWeights: true as const }, ...others];
    assert.deepEqual(differences({ ...shown, analyses, form }, inEight), []);
    const asSet = { ...shown.devices, weights: 'q8' } as const;
    assert.deepEqual(differences({ ...shown, devices: asSet, form }, inEight), [], 'the setting');
    // Weights that are quantised in their files stay exact, whatever is chosen for floats.
    const quantised = { ...shown, devices: asSet, model: { ...model, quantised: true }, form };
    assert.deepEqual(differences(quantised, { setup: { ...tabOf(result).setup, weights: 'as-stored' } }), []);
    const rounded = { setup: { ...tabOf(result).setup, weights: 'int8-activations' as const } };
    assert.deepEqual(differences(quantised, rounded), ['weights']);
  });

  it('runs with the weights of the form, as the setting says where none are chosen', () => {
    const weightsOf = (change: Partial<Form>) => {
      const read = readForm({ ...form, ...change }, retrieval, model);
      return read.ok ? read.plan.weights : read.why;
    };
    assert.deepEqual([weightsOf({}), weightsOf({ weights: 'q4' })], [undefined, 'q4']);
    const made = receive(initialState('full'), openMessage({ result: { ...result, weights: 'q8' } }));
    assert.equal(made.shownSetup?.weights, 'q8', 'taking its request over brings them');
  });

  it('does so while a field is half typed', () => {
    assert.deepEqual(changed({ seed: 'x' }), ['seed']);
    assert.deepEqual(changed({ interventions: ['gain:2.'] }), ['changes']);
  });

  it('keeps its own parameters, whatever the question in the form', () => {
    const asked = { ...form, analysis: pair.id, parameters: {} };
    assert.deepEqual(differences({ ...shown, form: asked }, tabOf(result)), []);
  });
});

describe('messages of runs', () => {
  const stage = (run: number) => ({ kind: 'stage', sentence: 'On', share: 0.5, kept: 0, run }) as const;
  const standing = { state: 'running', sentence: 'On', share: 0.1 } as const;

  it('change the tab of their run alone, also before the tab of a new one is there', () => {
    const { result: _, ...waiting } = openMessage({
      result,
      tabs: { tabs: [tabOf(result, { run: 1, standing })], active: 't1' },
    });
    const first = receive(initialState('full'), waiting);
    assert.equal(first.phase.kind === 'running' && first.phase.done, 0.1, 'as far as the tab says');
    assert.equal(receive(first, stage(2)), first);
    const asked = begun(first, plan);
    assert.equal(receive(asked, stage(1)), asked, 'of the run before');
    const tabs = [tabOf(result, { run: 1, standing }), tabOf(result, { id: 't2', run: 2, standing })];
    const there = receive(asked, { kind: 'tabs', tabs, active: 't2' });
    const going = receive(there, stage(2));
    assert.equal(going.phase.kind === 'running' && going.phase.done, 0.5);
  });

  it('bring the question of a tab into the form when it comes to the front, and leave the request', () => {
    const state = open({ result });
    const typed: State = { ...state, form: { ...form, seed: '9', parameters: { threshold: '0.1' } } };
    const other = { ...result, analysis: pair.id, parameters: {}, created: '2026-11-25T10:00:00.000Z' };
    const tabs = { tabs: [tabOf(result), tabOf(other, { id: 't2' })], active: 't2' };
    // The row comes first, and what is in front with `open`: a run was started elsewhere while a question was being asked.
    const asking: State = { ...typed, view: { ...typed.view, front: 'question' } };
    const next = receive(receive(asking, { kind: 'tabs', ...tabs }), openMessage({ result: other, tabs }));
    assert.deepEqual([next.form?.analysis, next.form?.seed], [pair.id, '9']);
    assert.deepEqual(next.view.typed[retrieval.id], { threshold: '0.1' }, 'what was typed is not lost');
    assert.ok(!isAway(next));
  });
});

describe('a pair', () => {
  const read = (...tokens: readonly string[]) => ({
    tokens,
    // A token has one id wherever it stands.
    ids: tokens.map((token) => [...token].reduce((sum, letter) => 31 * sum + letter.charCodeAt(0), 7)),
  });

  const only = (...both: Parameters<typeof pairParts>) => pairParts(...both)[0] ?? assert.fail();

  it('of one length says where it differs', () => {
    const both = only(read('Mary', ' gave', ' John'), read('Mary', ' gave', ' Anna'));
    assert.deepEqual([both.pair.first, both.pair.differing, both.pair.lengths], [2, 1, [3, 3]]);
    assert.equal(pairWords(both), 'Both have 3 tokens. They differ at token 3, “ John” against “ Anna”.');
    const twice = only(read('a', 'b', 'c'), read('x', 'b', 'y'));
    assert.match(pairWords(twice), /^Both have 3 tokens\. They differ at token 1, .*, and at 1 more place\.$/);
  });

  it('of two lengths says what patching needs', () => {
    const both = only(read('a', 'b'), read('a', 'b', 'c'));
    assert.deepEqual(both.pair.columns[2], { prompt: undefined, counterpart: 'c', differs: true });
    assert.match(
      pairWords(both),
      /^The prompt has 2 tokens and the counterpart 3: .* at token 3, nothing against “c”\.$/,
    );
  });

  it('of the same text asks for a change', () => {
    assert.match(pairWords(only(read('a'), read('a'))), /are the same: change one thing/);
  });

  it('of sources and targets compares those that differ', () => {
    const [one, other, target] = [read('the', 'cat'), read('the', 'dog'), read('<s>', 'le')];
    const words = (...[prompt, counterpart]: Parameters<typeof pairParts>): readonly string[] =>
      pairParts(prompt, counterpart).map(pairWords);
    assert.deepEqual(words({ ...target, source: one }, { ...target, source: other }), [
      'Both sources have 2 tokens. They differ at token 2, “cat” against “dog”.',
    ]);
    assert.deepEqual(words({ ...target, source: one }, { ...read('<s>', 'la'), source: one }), [
      'Both targets have 2 tokens. They differ at token 2, “le” against “la”.',
    ]);
    assert.equal(words({ ...target, source: one }, { ...read('<s>'), source: other }).length, 2);
    assert.match(
      words({ ...target, source: one }, { ...target, source: one })[0] ?? '',
      /^Both sources have .* the same/,
    );
  });
});

describe('the questions that fit', () => {
  const catalogue = JSON.parse(readFileSync(path.join(__dirname, '../../../dist/analyses.json'), 'utf8')) as {
    readonly analyses: readonly AnalysisInfo[];
  };
  const text = { ...model };
  const sees = { ...model, vision: { layers: 2, heads: 2 } } as unknown as typeof model;

  it('are about eight for a prompt, a pair, a task and a picture, each answered by an analysis that reads it', () => {
    for (const request of [
      { input: 'prompt', model: text },
      { input: 'prompt-pair', model: text },
      { input: 'task', model: text },
      { input: 'prompt', model: sees },
    ] as const) {
      const list = suggestions(catalogue.analyses, request);
      assert.ok(list.length >= 4 && list.length <= 10, `${request.input}: ${list.length}`);
      for (const { analysis } of list) {
        assert.ok(analysis.inputs.includes(request.input) || analysis.inputs.includes('none'), analysis.id);
      }
    }
    const [first] = suggestions(catalogue.analyses, { input: 'prompt', model: text });
    assert.equal(first?.question, 'Which heads matter for this answer?');
  });

  it('name analyses of the catalogue', () => {
    const known = new Set(catalogue.analyses.map(({ id }) => id));
    for (const { question, analyses } of firstQuestions) {
      assert.ok(
        analyses.some((id) => known.has(id)),
        question,
      );
    }
  });

  it('say why another one does not fit', () => {
    assert.equal(
      whyNotFit(pair, { input: 'prompt', model: text }),
      'It reads a prompt with its counterpart, and the input is a prompt.',
    );
    assert.equal(
      whyNotFit({ ...pair, group: 'vision', inputs: ['prompt'] }, { input: 'prompt', model: text }),
      'gpt2 reads no pictures.',
    );
    assert.equal(whyNotFit({ ...pair, inputs: ['none'] }, { input: 'prompt', model: text }), undefined);
    const refused = readForm({ ...form, analysis: pair.id }, pair, model);
    assert.ok(
      !refused.ok && refused.why.startsWith('It reads a prompt with its counterpart, and the input is a task.'),
    );
  });

  it('that read the weights alone leave the input as it is typed', () => {
    const weights = { ...pair, inputs: ['none'] as const };
    const read = readForm({ ...form, analysis: pair.id }, weights, model);
    assert.ok(read.ok);
    assert.deepEqual(read.plan.input, { kind: 'none' });
  });

  it('are found by title, question, group and name', () => {
    for (const words of ['retrieval heads', 'FETCH fact', 'retrieval', 'retrieval-heads'])
      assert.ok(holds(retrieval, words), words);
    assert.ok(!holds(retrieval, 'fetch picture'));
  });

  it('show the first parameters and those that were set, and fold the others', () => {
    const [few, others] = fewParameters(retrieval.parameters, { heads: '2.5', causal: 'true' });
    assert.deepEqual(few, ['lengths', 'threshold', 'removal', 'heads']);
    assert.deepEqual(others, ['causal', 'needle', 'haystack']);
  });

  it('leave out what says nothing beside the other parameters', () => {
    const { removal, ...more } = retrieval.parameters;
    const table = { removal: removal!, ...more, lengths: { ...more['lengths']!, onlyWith: { removal: ['zero'] } } };
    assert.ok(!fewParameters(table, { lengths: '200' }).flat().includes('lengths'), 'the default is mean');
    assert.ok(fewParameters(table, { removal: 'zero' })[0].includes('lengths'));
  });
});

describe('what lies beside a picture', () => {
  const sees: AnalysisInfo = {
    ...pair,
    id: 'sees',
    inputs: ['prompt'],
    parameters: {
      objects: { kind: 'text', title: 'Objects', description: 'In the picture.', default: '', beside: 'objects' },
      lexicon: { kind: 'file', title: 'Lexicon', description: 'Words.', default: '', beside: 'lexicon' },
    },
  };
  const asked = (image: string, parameters: Form['parameters']): State => {
    const state = open({ analyses: [sees, retrieval], plan: { ...plan, analysis: sees.id } });
    const input = { ...state.form!.input, kind: 'prompt' as const, image };
    return { ...state, form: { ...state.form!, input, parameters }, beside: { request: 1, of: image } };
  };
  const found = (state: State, objects: readonly string[]): State =>
    filled(receive(state, { kind: 'beside', request: 1, beside: { objects, lexicon: '/p/lexicon.txt' } }));
  const another = (state: State, image: string): State => ({
    ...state,
    form: { ...state.form!, input: { ...state.form!.input, image } },
    beside: { request: 1, of: image },
  });

  it('fills the fields that are for it, and does so again for another picture', () => {
    const first = found(asked('/p/a.png', {}), ['boat', 'cup']);
    assert.deepEqual(first.form?.parameters, { objects: 'boat, cup', lexicon: '/p/lexicon.txt' });
    assert.equal(
      found(another(first, '/p/b.png'), []).form?.parameters['objects'],
      '',
      'not those of the picture before',
    );
    assert.equal(found(another(first, '/p/b.png'), ['fish']).form?.parameters['objects'], 'fish');
  });

  it('leaves what was typed, and what was cleared, as it is', () => {
    const typed = found(asked('/p/a.png', { objects: 'house' }), ['boat']);
    assert.deepEqual(typed.form?.parameters, { objects: 'house', lexicon: '/p/lexicon.txt' });
    assert.equal(found(another(typed, '/p/b.png'), ['fish']).form?.parameters['objects'], 'house');
    assert.equal(found(asked('/p/a.png', { objects: '' }), ['boat']).form?.parameters['objects'], '');
  });

  it('is replaced with the picture also where the request was restored with it', () => {
    const restored = found(asked('/p/a.png', { objects: 'boat' }), ['boat']);
    assert.equal(found(another(restored, '/p/b.png'), ['fish']).form?.parameters['objects'], 'fish');
  });

  it('is not taken for that of a picture that was chosen since', () => {
    const state = asked('/p/a.png', {});
    const late = { ...another(state, '/p/b.png'), beside: { request: 1, of: '/p/a.png' } };
    assert.deepEqual(found(late, ['boat']).form?.parameters, {});
  });
});

describe('the pictures of a folder', () => {
  const read = (samples: string) => {
    const input = {
      ...form.input,
      kind: 'image-set' as const,
      folder: '/p',
      mode: 'text' as const,
      text: 'What?',
      samples,
    };
    return readForm({ ...form, analysis: pair.id, input }, { ...pair, inputs: ['image-set'] });
  };

  it('are a number of them, or all', () => {
    for (const [typed, count] of [
      ['20', 20],
      [' All ', 100_000],
    ] as const) {
      const reading = read(typed);
      assert.ok(reading.ok && reading.plan.input.kind === 'image-set');
      assert.equal(reading.plan.input.samples, count);
      assert.equal(toForm(reading.plan).input.samples, typed.trim().toLowerCase());
    }
    const wrong = read('some');
    assert.equal(!wrong.ok && wrong.problems.input?.samples, 'Pictures is a whole number from 1 to 100,000, or all.');
  });
});

describe('a prompt for pictures', () => {
  const seeing = { ...model, vision: { imageToken: 9, imageSize: 56 } as never };
  const reads = (input: Partial<Form['input']>, change = {}): State => {
    const state = open({ model: seeing, ...change });
    return { ...state, form: { ...state.form!, input: { ...state.form!.input, ...input } } };
  };
  const typed = { kind: 'prompt', mode: 'text', text: 'USER: <image>\nWhat is it?', image: '/p/a.png' } as const;

  it('is read as the model reads it wherever a picture comes into it, and says why it cannot be', () => {
    const asked = promptToRead(reads(typed)) ?? assert.fail();
    assert.deepEqual([asked.pictures, asked.prompt], [false, { kind: 'text', text: typed.text, image: typed.image }]);
    assert.equal(promptToRead(reads({ ...typed, kind: 'image-set', image: '', folder: '' }))?.pictures, true);
    const text = promptToRead(reads({ ...typed, image: '' }));
    assert.deepEqual(text?.prompt, { kind: 'text', text: typed.text }, 'a text is counted');
    assert.equal(promptToRead(reads(typed, { model })), undefined, 'a picture is not read by a model of text');
    const refused = { request: 1, of: asked.key, folder: model.folder, problem: 'The prompt has no image token.' };
    const state: State = { ...reads(typed), analyses: [{ ...pair, inputs: ['prompt'] }], read: refused };
    const ready = { ...state, form: { ...state.form!, analysis: pair.id } };
    assert.equal(whyNotStart(ready), 'The prompt has no image token.');
    assert.equal(whyNotStart({ ...ready, read: { ...refused, of: 'another' } }), undefined);
    const plain = { ...ready, form: { ...ready.form, input: { ...ready.form.input, image: '' } } };
    const failed = { ...refused, of: text?.key ?? '', problem: 'The process ended.' };
    assert.equal(whyNotStart({ ...plain, read: failed }), undefined, 'a text is read again by the run');
  });

  it('that was put in for a family is replaced with the model, and one that was typed is not', () => {
    const llava = { folder: '/models/llava', label: 'llava', family: 'llava', runs: true } as const;
    const chatty = { ...seeing, folder: '/models/chatty', chatTemplate: true };
    const state = { ...reads({ ...typed, text: demoVisionPrompt }), models: [llava] };
    const to = (from: State, next: typeof seeing): State =>
      receive({ ...from, form: { ...from.form!, folder: next.folder } }, { kind: 'model', model: next });
    const own = to(state, chatty);
    assert.deepEqual([own.form?.input.text, own.form?.input.chat], ['Describe the image.', true]);
    const back = to(own, { ...seeing, folder: '/models/llava' });
    assert.deepEqual([back.form?.input.text, back.form?.input.chat], [demoVisionPrompt, false]);
    assert.equal(to(reads(typed), chatty).form?.input.text, typed.text);
  });
});
