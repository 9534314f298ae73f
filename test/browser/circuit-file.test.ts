/** The editor of a circuit on its page, with the extension's own host and a text that stands for the document. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { CircuitFileHost } from '../../extension/panels/circuit/host';
import { circuitText, parseCircuit, type Circuit } from '../../protocol/circuits/circuit-file';
import type { ToCircuitPanel } from '../../protocol/panels/circuit';
import type { FromCircuitPanel } from '../../protocol/panels/circuit-schema';
import { EditedFile } from '../support/edited-file';
import { openEdited, shoot, type EditedPage } from './support/edited-page';
import { PanelBrowser } from './support/panel-page';
import type { ThemeName } from './support/themes';

const text = readFileSync('test/fixtures/results/names.headscope-circuit.json', 'utf8');

function parsed(content: string): Circuit {
  const read = parseCircuit(content);
  assert.ok(read.ok);
  return read.result;
}

type Editor = EditedPage<Circuit, ToCircuitPanel, FromCircuitPanel>;

function openEditor(
  browser: PanelBrowser<ToCircuitPanel, FromCircuitPanel>,
  content: string,
  look: { readonly theme?: ThemeName; readonly width?: number; readonly other?: Circuit } = {},
): Promise<Editor> {
  const edited = new EditedFile('names', parseCircuit, content, look.other ?? parsed(text));
  const services = {
    ...edited.services,
    report: (sentence: string) => assert.fail(sentence),
    run: async () => {
      await edited.note('run')();
      return undefined;
    },
    refusal: () => undefined,
    chooseRun: () => Promise.resolve(undefined),
    say: () => {},
  };
  return openEdited(browser, edited, (send) => new CircuitFileHost(edited.file, services, send), look);
}

/** Where a node stands on the page, once the picture is drawn. */
async function at({ page }: Editor, id: string): Promise<{ x: number; y: number }> {
  await page.waitForFunction(
    (wanted) => (document.querySelector('hs-circuit-map') as unknown as { at(id: string): unknown }).at(wanted),
    id,
  );
  return page.evaluate((wanted) => {
    const map = document.querySelector('hs-circuit-map') as unknown as HTMLElement & {
      at(id: string): { x: number; y: number };
    };
    const [place, frame] = [map.at(wanted), map.querySelector('canvas')!.getBoundingClientRect()];
    return { x: frame.left + place.x, y: frame.top + place.y };
  }, id);
}

describe('the editor of a circuit', () => {
  let browser: PanelBrowser<ToCircuitPanel, FromCircuitPanel>;
  before(async () => (browser = await PanelBrowser.start('circuit')));
  after(() => browser.stop());

  it('moves, names, notes, pins and groups by mouse and keys into the file, and takes it back', async () => {
    const editor = await openEditor(browser, text);
    const { page } = editor;
    try {
      await page.waitForSelector('#finding:has-text("10 nodes and 14 edges, 1 group")');
      const from = await at(editor, 'L1H0');
      await shoot(editor, 'circuit-dark-1280');
      await page.mouse.move(from.x, from.y);
      await page.mouse.down();
      await page.mouse.move(from.x - 60, from.y + 20, { steps: 3 });
      await page.mouse.up();
      await editor.posts('move');
      await page.waitForSelector('#chosen:has-text("head L1H0")');
      const mark = (id: string) => editor.file.saved.marks.find(({ of }) => of === id);
      assert.ok(mark('L1H0')?.at);
      const moved = await at(editor, 'L1H0');
      assert.ok(Math.abs(moved.x - (from.x - 60)) < 2 && Math.abs(moved.y - (from.y + 20)) < 2, JSON.stringify(moved));

      await page.fill('#name', 'Induction');
      await page.locator('#name').blur();
      await editor.posts('rename');
      await page.fill('#note', 'Copies <b>names</b>');
      await page.locator('#note').blur();
      await editor.posts('note');
      await page.locator('.circuit-map').focus();
      await page.keyboard.press('p');
      await editor.posts('pin');
      const { at: _at, ...said } = mark('L1H0') ?? {};
      assert.deepEqual(said, { of: 'L1H0', name: 'Induction', note: 'Copies <b>names</b>', pinned: true });
      await page.waitForSelector('#chosen:has-text("head Induction (L1H0)")');

      // Two nodes by the pointer with Control, grouped by a key: their edges become sums.
      const second = await at(editor, 'L1H2');
      await page.keyboard.down('Control');
      await page.mouse.click(second.x, second.y);
      await page.keyboard.up('Control');
      await page.waitForSelector('.circuit-details h2:has-text("2 nodes chosen")');
      await page.locator('.circuit-map').focus();
      await page.keyboard.press('g');
      await editor.posts('group');
      await page.waitForSelector('#chosen:has-text("group Group 2")');
      assert.deepEqual(editor.file.saved.groups.at(-1), {
        id: 'group-2',
        name: 'Group 2',
        members: ['L1H0', 'L1H2'],
      });
      // By hand: L0H3 gives its members 0.5 and 0.25.
      await page.waitForSelector('.circuit-edges li:has-text("L0H3"):has-text("+0.750, sum of 2 edges")');
      await shoot(editor, 'circuit-grouped');
      const posted = editor.posted.length;
      await page.keyboard.press('Enter');
      await editor.posts('open', posted);
      await page.waitForSelector('.circuit-acts :text("Close Group")');
      await shoot(editor, 'circuit-open-group');
      await page.locator('.circuit-map').focus();
      await page.keyboard.press('u');
      await editor.posts('ungroup');
      assert.equal(editor.file.saved.groups.length, 1);

      const before = editor.file.saved.marks.length;
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.waitForSelector('#finding:has-text("2 groups")');
      assert.equal(editor.file.saved.marks.length, before);
    } finally {
      await editor.close();
    }
  });

  it('marks what a run changed, compares with another circuit, and is read as a table at 300 px', async () => {
    const other = parsed(text);
    const edges = other.edges.map((edge) =>
      edge.from === 'L0H3' && edge.to === 'L1H0' ? { ...edge, weight: 0.75 } : edge,
    );
    const editor = await openEditor(browser, text, {
      width: 300,
      theme: 'light',
      other: {
        ...other,
        edges,
        nodes: other.nodes.map((node) => (node.id === 'L1H2' ? { ...node, id: 'L1H1', label: 'L1H1' } : node)),
      },
    });
    const { page } = editor;
    try {
      await page.waitForSelector('.banner:has-text("The last run added 1 and did not find 3 of the nodes and edges.")');
      await at(editor, 'L1H0');
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 300), 'nothing is cut at 300 px');
      await shoot(editor, 'circuit-light-300');
      await page.getByRole('button', { name: 'Compare with' }).click();
      await page.waitForSelector('.banner:has-text("1 node only here (+), 1 only there (−).")');
      // By hand: 0.5 here, 0.75 there.
      await page.waitForSelector('[data-section="differences"] tr:has-text("L1H0"):has-text("-0.250")');
      await shoot(editor, 'circuit-compared-300');
      await page.click('#settle');
      await editor.posts('settle');
      await page.waitForFunction(() => document.querySelector('#settle') === null);
      assert.ok(editor.file.saved.nodes.every(({ gone }) => gone === undefined));
    } finally {
      await editor.close();
    }
  });

  it('says what is wrong with a file and offers its text', async () => {
    const editor = await openEditor(browser, text);
    const { page } = editor;
    try {
      await at(editor, 'L1H0');
      await editor.file.edit(text.replace('"members":["L2H1","L2H2"]', '"members":["L2H1","group-1"]'));
      await page.waitForSelector('.banner:has-text("The group \\"group-1\\" is inside itself.")');
      await page.getByRole('button', { name: 'Open as Text' }).click();
      await editor.posts('openText');
    } finally {
      await editor.close();
    }
  });

  it('draws 1,000 nodes and 10,000 edges', async () => {
    const base = parsed(text);
    const nodes = Array.from({ length: 1000 }, (_, at) => {
      const [layer, column] = [Math.floor(at / 32), at % 32];
      const id = `L${layer}H${column}`;
      return { id, kind: 'head' as const, layer, column, label: id, weight: at / 1000 };
    });
    const edges = Array.from({ length: 10_000 }, (_, at) => {
      const from = (at * 7919) % 968;
      const to = 32 * (Math.floor(from / 32) + 1) + ((at * 31) % 32);
      return {
        from: nodes[from]!.id,
        to: nodes[Math.min(999, to)]!.id,
        input: 'value' as const,
        weight: (at % 2 ? -1 : 1) / (1 + (at % 97)),
      };
    });
    const editor = await openEditor(
      browser,
      circuitText({ ...base, threshold: 0, nodes, edges, groups: [], marks: [] }),
    );
    const { page } = editor;
    try {
      const place = await at(editor, 'L5H5');
      await page.waitForSelector('.circuit-legend:has-text("The strongest 1,500 are drawn.")');
      await page.mouse.click(place.x, place.y);
      await page.waitForSelector('#chosen:has-text("head L")');
      await shoot(editor, 'circuit-large');
    } finally {
      await editor.close();
    }
  });
});
