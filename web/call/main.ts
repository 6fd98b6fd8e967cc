// The call page: mounts the app on the element that the server rendered.
import { mount } from "svelte";
import "../styles/call.scss";
import { Visit } from "./visit.svelte";
import App from "./App.svelte";
import { readPage } from "./page";

const target = document.getElementById("call");
if (target) mount(App, { target, props: { visit: new Visit(readPage(target.dataset.page)) } });
