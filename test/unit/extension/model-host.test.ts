import assert from 'node:assert/strict';
import type { FromModelPanel } from '../../../protocol/panels/model-schema';
import type { ModelContent, ShowModel, ShownModel, ToModelPanel } from '../../../protocol/panels/model';
import { type ModelServices, ModelHost } from '../../../extension/panels/model/host';
import { facts } from './samples';

const model = (uri: string): ShownModel => ({ label: uri, path: uri, facts: facts({ uri }) });

/** A played extension: what was asked of it, and answers that the test releases. */
function played() {
  const calls: string[] = [];
  const sent: ToModelPanel[] = [];
  const waiting = new Map<string, (answer: ShownModel | null | Error) => void>();
  const call =
    (name: string) =>
    (...args: readonly unknown[]): Promise<void> => {
      calls.push([name, ...args.map(String)].join(' '));
      return Promise.resolve();
    };
  const services: ModelServices = {
    headscope: '1.2.3',
    describe: (uri) =>
      new Promise((resolve, reject) => {
        waiting.set(uri, (answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
      }),
    nameOf: (uri) => uri,
    actions: () => Promise.resolve({ benchmark: true }),
    openFile: call('openFile'),
    showProblems: call('showProblems'),
    benchmark: call('benchmark'),
    showHeads: call('showHeads'),
    openFull: call('openFull'),
    compare: call('compare'),
    choose: () => Promise.resolve('chosen'),
    openExample: call('openExample'),
    serving: (uri, question) => {
      calls.push(`serving ${uri} ${question.device}`);
      return Promise.resolve(uri === 'gone' ? null : { devices: [], cost: 'Not counted.' });
    },
    export: call('export'),
    copy: call('copy'),
    report: (sentence) => calls.push(`report ${sentence}`),
  };
  const host = new ModelHost(services, (message) => sent.push(message));
  const answer = (uri: string, with_: ShownModel | null | Error = model(uri)): void => {
    const resolve = waiting.get(uri);
    assert.ok(resolve, `${uri} was asked for`);
    resolve(with_);
  };
  const shows = (): ShowModel[] => sent.filter((message) => message.kind === 'show');
  const states = (): string[] =>
    shows().map(({ content }) =>
      content.state === 'model'
        ? `model ${content.model.label}`
        : content.state === 'comparison'
          ? `comparison ${content.first.label} ${content.second.label}`
          : content.state,
    );
  const last = (): ModelContent => {
    const message = shows().at(-1);
    assert.ok(message);
    return message.content;
  };
  return { host, services, calls, sent, shows, answer, states, last, ready: () => host.receive({ kind: 'ready' }) };
}

describe('the host of a Model webview', () => {
  it('says nothing before ready, and then everything at once', async () => {
    const { host, sent, shows, answer, states, ready } = played();
    const shown = host.show(['a']);
    answer('a');
    await shown;
    assert.equal(sent.length, 0);
    await ready();
    assert.deepEqual(states(), ['model a']);
    assert.equal(shows()[0]?.headscope, '1.2.3');
  });

  it('asks what serving takes of a model on show, and of no other file', async () => {
    const { host, calls, sent, answer, ready } = played();
    const shown = host.show(['a']);
    answer('a');
    await shown;
    await ready();
    const question = {
      device: 'h100-sxm',
      batch: 1,
      context: 2048,
      weightBits: 'stored',
      cacheBits: '8',
      tensorParallel: 1,
    } as const;
    await host.receive({ kind: 'serving', uri: '/etc/passwd', question });
    await host.receive({ kind: 'serving', uri: 'a', question });
    assert.deepEqual(calls, ['serving a h100-sxm']);
    assert.deepEqual(sent.at(-1), {
      kind: 'serving',
      uri: 'a',
      question,
      answer: { devices: [], cost: 'Not counted.' },
    });
    const other = host.show(['gone']);
    answer('gone');
    await other;
    await host.receive({ kind: 'serving', uri: 'gone', question });
    const last = sent.at(-1);
    assert.ok(last?.kind === 'serving' && typeof last.answer.cost === 'string');
    assert.match(last.answer.cost, /Open the config\.json\.$/);
    await host.receive({ kind: 'serving', uri: 'gone', question: { ...question, batch: -1 } });
    assert.match(calls.at(-1) ?? '', /^report /);
    assert.equal(calls.filter((call) => call.startsWith('serving')).length, 2);
  });

  it('starts empty, says what is being read, and shows it', async () => {
    const { host, answer, states, ready } = played();
    await ready();
    const shown = host.show(['a']);
    await Promise.resolve();
    answer('a');
    await shown;
    assert.deepEqual(states().slice(0, 1), ['empty']);
    assert.equal(states().at(-1), 'model a');
  });

  it('drops an answer to an earlier question', async () => {
    const { host, answer, states, ready } = played();
    await ready();
    const first = host.show(['a']);
    const second = host.show(['b']);
    answer('b');
    await second;
    answer('a');
    await first;
    assert.equal(states().at(-1), 'model b');
    assert.ok(!states().includes('model a'));
    assert.deepEqual(host.uris, ['b']);
  });

  it('keeps what is shown when a file that may be no model is none', async () => {
    const { host, answer, states, ready } = played();
    await ready();
    const first = host.show(['a']);
    answer('a');
    await first;
    const other = host.showIfModel('package.json');
    answer('package.json', null);
    await other;
    assert.equal(states().at(-1), 'model a');
    assert.deepEqual(host.uris, ['a']);
  });

  it('does not let such a file drop the model that is on its way', async () => {
    const { host, answer, states, ready } = played();
    await ready();
    const shown = host.show(['a']);
    const other = host.showIfModel('package.json');
    answer('package.json', null);
    await other;
    answer('a');
    await shown;
    assert.equal(states().at(-1), 'model a');
  });

  it('shows a file of another name that is a model by its content', async () => {
    const { host, answer, states, ready } = played();
    await ready();
    const shown = host.showIfModel('params.json');
    answer('params.json');
    await shown;
    assert.equal(states().at(-1), 'model params.json');
    assert.deepEqual(host.uris, ['params.json']);
  });

  it('says of a config.json that is none that it is none, and of two which', async () => {
    const { host, answer, last, ready } = played();
    await ready();
    const shown = host.show(['a', 'b']);
    answer('a');
    answer('b', null);
    await shown;
    const content = last();
    assert.equal(content.state, 'not-a-model');
    assert.ok('sentence' in content);
    assert.match(content.sentence, /^b is not a model configuration/);
  });

  it('hands a failure on as a sentence, and tries again when asked', async () => {
    const { host, answer, last, states, ready } = played();
    await ready();
    const shown = host.show(['a']);
    answer('a', new Error('The language server did not start.'));
    await shown;
    const content = last();
    assert.ok(content.state === 'failed' && content.sentence === 'The language server did not start.');
    const again = host.receive({ kind: 'retry' });
    answer('a');
    await again;
    assert.equal(states().at(-1), 'model a');
  });

  it('compares two and swaps them', async () => {
    const { host, answer, states, ready } = played();
    await ready();
    const shown = host.show(['a', 'b']);
    answer('a');
    answer('b');
    await shown;
    const swapped = host.receive({ kind: 'swap' });
    answer('a');
    answer('b');
    await swapped;
    assert.deepEqual(states().slice(-2), ['comparison a b', 'comparison b a']);
  });

  it('sends nothing to a hidden webview and all of it when it is back', async () => {
    const { host, answer, sent, states, ready } = played();
    await ready();
    host.hide();
    const before = sent.length;
    const shown = host.show(['a']);
    answer('a');
    await shown;
    assert.equal(sent.length, before);
    await ready();
    assert.equal(states().at(-1), 'model a');
  });

  it('does what the panel asks for, and reports what goes wrong', async () => {
    const { host, services, calls } = played();
    const messages: readonly FromModelPanel[] = [
      { kind: 'openFile', uri: 'a' },
      { kind: 'showProblems', uri: 'a' },
      { kind: 'benchmark', uri: 'a' },
      { kind: 'showHeads', uri: 'a' },
      { kind: 'openFull', uri: 'a' },
      { kind: 'compare', uri: 'a' },
      { kind: 'openExample' },
      { kind: 'copy', text: 'x' },
    ];
    for (const message of messages) await host.receive(message);
    assert.deepEqual(calls, [
      'openFile a',
      'showProblems a',
      'benchmark a',
      'showHeads a',
      'openFull a',
      'compare a',
      'openExample',
      'copy x',
    ]);
    const failing = new ModelHost(
      { ...services, copy: () => Promise.reject(new Error('no clipboard')) },
      () => undefined,
    );
    await failing.receive({ kind: 'copy', text: 'x' });
    assert.equal(calls.at(-1), 'report no clipboard');
  });
});
