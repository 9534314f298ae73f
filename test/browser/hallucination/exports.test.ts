/** What leaves the Hallucination panel beside the picture and the captions: the other result, and what is read of a text. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import type { FromHallucinationPanel } from '../../../protocol/panels/hallucination-schema';
import type { ToHallucinationPanel } from '../../../protocol/panels/hallucination';
import { clippedText } from '../support/clipped-text';
import { PanelBrowser, type PanelPage } from '../support/panel-page';
import { answering, finishedMessage, openMessage, plan } from './hallucination-host';
import { ofText, result, set, textOnly } from '../workbench/planted-result';

type Panel = PanelPage<ToHallucinationPanel, FromHallucinationPanel>;

describe('what leaves the Hallucination panel', () => {
  let browser: PanelBrowser<ToHallucinationPanel, FromHallucinationPanel>;
  before(async () => {
    browser = await PanelBrowser.start('hallucination');
  });
  after(() => browser.stop());

  const shown = async (
    message: Extract<ToHallucinationPanel, { kind: 'open' }>,
    selector: string,
    place: 'full' | 'side' = 'full',
  ) => {
    const width = place === 'side' ? 300 : 1280;
    const panel = await browser.open({ host: answering(message), place, width });
    await panel.page.waitForSelector(selector);
    return panel;
  };
  const exported = async (panel: Panel, label: string) => {
    const from = panel.posted.length;
    await panel.page.click('hs-menu .menu-trigger');
    await panel.page.click(`[role=menuitem]:has-text("${label}")`);
    return panel.posts('export', from);
  };

  it('holds what it is compared with: the map of changes, the numbers, both names', async () => {
    const half = {
      ...result,
      vhd: result.vhd.map((row) => row.map((one) => one / 2)),
      created: '2026-01-02T03:04:05Z',
    };
    const panel = await shown(
      finishedMessage({ compareWith: { name: 'half', made: half } }),
      '[data-section="change"] canvas',
    );
    await panel.page.waitForSelector('.image-view .section-caption:has-text("on these patches")');
    const svg = await exported(panel, 'SVG');
    assert.match(svg.name, /^hallucination-planted-vlm-2026-11-24-against-planted-vlm-2026-01-02\.svg$/);
    const drawn = String(svg.data);
    for (const words of ['>Change of VHD<', '>Change of the divergence from half<', 'Compared with half'])
      assert.ok(drawn.includes(words), words);
    assert.match(drawn, />L4H7<[^]*>\+2\.55</);
    // The picture alone is pixels.
    assert.equal(drawn.match(/<image /g)?.length, 1);
    assert.deepEqual(await clippedText(panel.page, drawn), []);
    const [head = '', ...lines] = String((await exported(panel, 'CSV')).data).split('\r\n');
    const column = (name: string): number => head.split(',').indexOf(name);
    const row = lines[4 * 8 + 7]?.split(',') ?? [];
    assert.deepEqual([row[column('vhd_there')], row[column('change_vhd')]], ['2.55', '2.55']);
    assert.equal(row[column('compared_with')], 'half');
    const json = JSON.parse(String((await exported(panel, 'JSON')).data)) as {
      comparedWith: { name: string; changes: { vhd: number[][] } };
      imageMap: { heads: unknown; shares: number[] };
    };
    assert.deepEqual([json.imageMap.heads, json.imageMap.shares.length], [[{ layer: 3, head: 2 }], 49]);
    assert.equal(json.comparedWith.name, 'half');
    assert.equal(json.comparedWith.changes.vhd[4]?.[7], 2.55);
    const page = String((await exported(panel, 'HTML')).data);
    assert.match(page, /<caption>Change of the divergence from half<\/caption>/);
    assert.match(page, /<ul class="caption"><li>Compared with half/);
    const [, patches = ''] = /<caption>L3H2 for [^<]* on the picture<\/caption>(.*?)<\/table>/s.exec(page) ?? [];
    assert.equal(patches.match(/<tr/g)?.length, 1 + 49);
    await panel.close();
  });

  it('holds the changes of the scores of two folders', async () => {
    const other = { ...set, plain: { ...set.plain, chairS: 0.25 }, variants: [] };
    const message = openMessage({ set, compareWith: { name: 'before', made: other }, plan: { ...plan, mode: 'set' } });
    const panel = await shown(message, '#changes table');
    const drawn = String((await exported(panel, 'SVG')).data);
    assert.match(drawn, />Plain, CHAIR_S \(%\)<[^]*>41\.0<[^]*>25\.0<[^]*>\+16\.0</);
    const page = String((await exported(panel, 'HTML')).data);
    assert.match(page, /<caption>Change of the scores from before<\/caption>/);
    await panel.close();
  });

  it('holds the removed text with what the chosen head reads of each token', async () => {
    const spanPlan = {
      ...plan,
      mode: 'span',
      folder: textOnly.folder,
      prompt: ofText.prompt ?? '',
      span: [1, 7],
    } as const;
    const panel = await shown(
      openMessage({ result: ofText, model: textOnly, plan: spanPlan }),
      '.span-map .section-caption:has-text("on these")',
    );
    const drawn = String((await exported(panel, 'SVG')).data);
    assert.match(drawn, /L3H2 for ("|&quot;)␣red\1 on the removed text/);
    // The one token that is read stands on the last step of cividis (#ffea46).
    assert.match(drawn, /fill="rgb\(255, 234, 70\)"\/>\n<text [^>]*>␣red<\/text>/);
    assert.deepEqual(await clippedText(panel.page, drawn), []);
    const json = JSON.parse(String((await exported(panel, 'JSON')).data)) as {
      spanMap: { heads: unknown; shares: { position: number; share: number }[] };
    };
    assert.deepEqual(json.spanMap.heads, [{ layer: 3, head: 2 }]);
    const [most] = json.spanMap.shares.toSorted((a, b) => b.share - a.share);
    assert.deepEqual([most?.position, Number(most?.share.toFixed(3))], [6, 0.6]);
    const page = String((await exported(panel, 'HTML')).data);
    assert.match(page, /<caption>L3H2 for (&quot;|")␣red\1 on the removed text<\/caption>/);
    await panel.close();
  });

  it('shows what reinforcement changed at 300 px without a table that scrolls, the verdict under its interval', async () => {
    const message = openMessage({ set, place: 'side', plan: { ...plan, mode: 'set' } });
    const panel = await shown(message, '[data-section="changes"] table', 'side');
    const frame = await panel.page.$eval(
      '[data-section="changes"] .table-frame',
      (one) => one.scrollWidth - one.clientWidth,
    );
    assert.ok(frame <= 0, `${frame} px beyond the table`);
    assert.match(await panel.page.innerText('[data-section="changes"] tbody tr'), /more than noise/);
    await panel.close();
  });
});
