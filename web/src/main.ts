// The page's start: makes the shared state, mounts the page on it.
import './view/base.css';
import { mount } from 'svelte';
import { App } from './state/app.svelte';
import Page from './view/Page.svelte';

const target = document.getElementById('app');
if (target) mount(Page, { target, props: { app: new App() } });
