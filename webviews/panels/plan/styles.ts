import { css } from 'lit';

export const planStyles = css`
  .plan-body {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 16px 24px;
    align-items: start;
    margin-top: 8px;
  }
  .plan-controls {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(240px, 100%), 1fr));
    gap: 16px 24px;
    align-items: start;
  }
  .plan-controls h2 {
    margin-bottom: 4px;
  }
  .plan-picture {
    min-width: 0;
  }
  .plan-tools {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px;
    margin: 8px 0 4px;
  }
  .plan-budget .slider {
    width: 100%;
    margin: 8px 0 4px;
  }
  hs-plan-map {
    display: block;
    min-width: 0;
  }
  .plan-map.paints {
    cursor: crosshair;
  }
  .plan-legend {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 16px;
    margin-top: 8px;
    list-style: none;
    font-size: var(--small);
  }
  .plan-legend li {
    display: inline-flex;
    align-items: center;
    gap: 5px;
  }
  .compact .plan-picture {
    order: -1;
  }
  @container panel (min-width: 860px) {
    .plan-body {
      grid-template-columns: 280px minmax(0, 1fr);
    }
    .plan-controls {
      grid-template-columns: minmax(0, 1fr);
      grid-row: 1 / span 2;
    }
  }
`;
